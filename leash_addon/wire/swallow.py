r"""Takes the usage event that we asked for out of a chat stream whose client did not ask for it.

The event is the one with ``"choices": []`` and a usage that is not null, after at least one other
event (https://platform.openai.com/docs/api-reference/chat-streaming, 2025-06). Azure's first event
has empty choices too, but no usage, and a provider's counts on every chunk have choices: both
pass. All other bytes pass as they came, line ends and comments too, each event when its blank line
is known; an unfinished event is held up to ``MAX_HELD_BYTES``, for only its end says what it is.
For identity-coded ``text/event-stream`` only.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from leash_addon.wire.coding import decoder
from leash_addon.wire.framing.sse import BLANK, CR, Sse

MAX_HELD_BYTES = 32 * 1024
"""A longer event is not the one that we caused, which has a kilobyte; it passes in pieces."""

BLANK_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n)){2}")
NO_CHOICES = re.compile(rb'"choices"\s*:\s*\[\s*\]')
LINE_ENDS = b"\r\n"


class _Chunk(Struct):
    choices: Any = None
    usage: Any = None


class UsageSwallow:
    """Passes a stream on without its usage event. Holds at most ``limit`` bytes of an event."""

    def __init__(self, limit: int = MAX_HELD_BYTES) -> None:
        """``limit``: how many bytes of an unfinished event are held back."""
        self._limit = limit
        self._held = b""
        self._too_long = False  # the head of the unfinished event has gone out already
        self._seen = False
        self._done = False
        self._owes_lf = False  # the swallowed event ended with a CR whose LF may still come

    def feed(self, chunk: bytes) -> bytes:
        """Return the bytes that may go to the client now; possibly none."""
        if self._done:
            return self._after_it(chunk)
        if not self._held and not self._too_long and _is_plain(chunk):
            self._seen = True
            return chunk
        return self._by_event(chunk)

    def close(self) -> bytes:
        """Return what is held, unless it is the usage event without its blank line."""
        held, self._held = self._held, b""
        if self._done or not self._is_ours(held):
            return held
        return held[: _text_at(held, 0)]

    def _by_event(self, chunk: bytes) -> bytes:
        body = self._held + chunk
        begin, look = 0, max(0, len(self._held) - 1)
        for end in _blank_line_ends(body, look):
            if self._is_ours(body[begin:end]):
                self._done, self._held = True, b""
                self._owes_lf = end == len(body) and body.endswith(b"\r")
                return body[: _text_at(body, begin)] + body[end:]
            self._seen = self._seen or b"data" in body[begin:end]
            self._too_long = False
            begin = end
        passed, self._held = body[:begin], body[begin:]
        return passed + self._overflow()

    def _overflow(self) -> bytes:
        """Give up an event that is too long, but for line ends: they may begin its blank line."""
        if len(self._held) <= self._limit and not self._too_long:
            return b""
        self._too_long = True
        whole = self._held
        text = whole.rstrip(LINE_ENDS)
        self._held = whole[len(text) :]
        self._seen = self._seen or b"data" in text
        return text

    def _is_ours(self, event: bytes) -> bool:
        fits = len(event) <= self._limit and not self._too_long
        if not fits or not self._seen or NO_CHOICES.search(event) is None:
            return False
        frame = Sse()
        data = [each.data for each in (*frame.feed(event), *frame.close())]
        try:
            chunks = [msgspec.json.decode(each, type=_Chunk) for each in data]
        except (msgspec.MsgspecError, RecursionError, ValueError):
            return False
        return len(chunks) == 1 and chunks[0].choices == [] and chunks[0].usage is not None

    def _after_it(self, chunk: bytes) -> bytes:
        if self._owes_lf and chunk:
            self._owes_lf = False
            return chunk.removeprefix(b"\n")
        return chunk


def _blank_line_ends(body: bytes, look: int) -> Iterator[int]:
    if CR in body:
        yield from (blank.end() for blank in BLANK_LINE.finditer(body, look))
        return
    end = body.find(BLANK, look) + len(BLANK)
    while end >= len(BLANK):
        yield end
        end = body.find(BLANK, end) + len(BLANK)


def _text_at(body: bytes, begin: int) -> int:
    """Skip line ends before an event: the LF of a CRLF whose CR has gone out may be among them."""
    return len(body) - len(body[begin:].lstrip(LINE_ENDS))


def _is_plain(chunk: bytes) -> bool:
    """Tell at a glance that a chunk is whole events and none of them can be the usage event."""
    return (
        chunk.startswith(b"data")
        and chunk.endswith(BLANK)
        and CR not in chunk
        and NO_CHOICES.search(chunk) is None
    )


class DecodedSwallow:
    """A ``UsageSwallow`` for a body that came encoded: what it returns is decoded."""

    def __init__(self, coding: str) -> None:
        """Start a body of this ``Content-Encoding``."""
        self._decoder = decoder(coding)
        self._swallow = UsageSwallow()

    def feed(self, chunk: bytes) -> bytes:
        """Return what passes now, decoded."""
        return self._swallow.feed(self._decoder.feed(chunk))

    def close(self) -> bytes:
        """End the body and return what was still held back."""
        return self._swallow.feed(self._decoder.close()) + self._swallow.close()
