"""Server-sent events, by the WHATWG grammar.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html (2025-06). Lines end with LF,
CRLF or CR in any mixture; a byte-order mark is skipped; comments, ``id`` and ``retry`` mean nothing
here. Two things differ from the grammar, because money depends on them: the last event counts also
when no blank line ends it, and an ``error:`` field (llama.cpp) is an event named ``error``.

This is the hot path of every streamed answer. Line ends become LF first, and only in chunks that
have a CR; then events are what lies between blank lines, and most of them are one ``data:`` line.
"""

from leash_addon.wire.event import Event
from leash_addon.wire.framing.framer import MAX_EVENT_BYTES

BOM = b"\xef\xbb\xbf"
BLANK = b"\n\n"
LF, CR = b"\n\r"
"""As integers: looking for one takes a tenth of the time that a one-byte string does."""


class Sse:
    """Frames ``text/event-stream``. Holds at most one unfinished event of ``limit`` bytes."""

    whole = False

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        """``limit``: the longest event in bytes; a longer one is dropped, the next one comes."""
        self.broken: str | None = None
        self._limit = limit
        self._held: list[bytes] = []  # an unfinished event, in pieces: joining each time is O(n²)
        self._size = 0
        self._dropping = False
        self._start: bytes | None = b""  # until it is known whether a byte-order mark opens it
        self._after_cr = False
        self._careful = True  # the next chunk's first byte needs a look

    def feed(self, chunk: bytes, /) -> list[Event]:
        """Return the events that a blank line ended."""
        if self._careful or CR in chunk:
            chunk = self._line_feeds(chunk)
        if self._held:
            if not self._ends(chunk):
                self._hold(chunk)
                return []
            self._held.append(chunk)
            chunk = b"".join(self._held)
            self._held.clear()
            self._size = 0
        elif _is_one_data_line(chunk) and len(chunk) <= self._limit:
            return [Event(None, chunk[6:-2])]
        blocks = chunk.split(BLANK)
        rest = blocks.pop()
        events = self._events(blocks) if blocks else []
        if rest:
            self._hold(rest)
        return events

    def close(self) -> list[Event]:
        """Return the last event, if the body ended without a blank line."""
        if self._start:
            self._hold(self._start)
        rest = b"".join(self._held)
        self._held.clear()
        return self._events([rest.removesuffix(b"\n")]) if rest else []

    def _line_feeds(self, chunk: bytes) -> bytes:
        """Skip a byte-order mark, and make every line end an LF. A CR ends its line at once."""
        if not chunk:
            return chunk
        if self._start is not None:
            chunk = self._start + chunk
            if len(chunk) < len(BOM) and BOM.startswith(chunk):
                self._start = chunk
                return b""
            self._start = None
            chunk = chunk.removeprefix(BOM)
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")
            self._after_cr = False
        if CR in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        self._careful = self._after_cr
        return chunk

    def _ends(self, chunk: bytes) -> bool:
        """Tell whether the chunk ends the held event; the blank line may straddle the cut."""
        return (chunk.startswith(b"\n") and self._held[-1].endswith(b"\n")) or BLANK in chunk

    def _hold(self, piece: bytes) -> None:
        if not piece:
            return
        self._held.append(piece)
        self._size += len(piece)
        if self._size > self._limit + 1:  # the LF that may end it is no part of it
            self._dropping = True
            self._held[:] = [piece[-1:]]

    def _events(self, blocks: list[bytes]) -> list[Event]:
        events: list[Event] = []
        for block in blocks:
            if self._dropping or len(block) > self._limit:
                self._dropping = False
                self.broken = f"an event of more than {self._limit} bytes was dropped"
            elif block:
                events += _read(block)
        return events


def _is_one_data_line(chunk: bytes) -> bool:
    return (
        chunk.startswith(b"data: ") and chunk.endswith(BLANK) and chunk.find(LF) == len(chunk) - 2
    )


def _read(block: bytes) -> list[Event]:
    """Read an event: at a glance where it has the usual one or two lines."""
    head, _, tail = block.partition(b"\n")
    if not tail and head.startswith(b"data: "):
        return [Event(None, head[6:])]
    if head.startswith(b"event: ") and tail.startswith(b"data: ") and LF not in tail:
        return [Event(head[7:].decode("utf-8", "replace") or None, tail[6:])]
    return _fields(block)


def _fields(block: bytes) -> list[Event]:
    """Read the lines of one event. Without data (and error) lines it is no event."""
    name: str | None = None
    data: list[bytes] = []
    errors: list[bytes] = []
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = value.removeprefix(b" ").decode("utf-8", "replace") or None
        elif field == b"error":
            errors.append(value.removeprefix(b" "))
    events = [Event(name, b"\n".join(data))] if data else []
    return [*events, Event("error", b"\n".join(errors))] if errors else events
