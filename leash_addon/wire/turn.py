"""What one message on a WebSocket asks for, and how much input stands behind it.

A turn is asked for in a few bytes: the session keeps what was said before, and a response may
continue an earlier one (``previous_response_id``). Nobody tells how many tokens that is before
the answer does, so the estimate goes by the last answer on the connection.
Sources: https://platform.openai.com/docs/guides/realtime-costs (a token is 100 ms of a user's
speech; 24 kHz PCM16 as base64 is 6,400 bytes of it), https://ai.google.dev/api/live (2026-08).
"""

from dataclasses import replace
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from leash_addon.core.reading import BYTES_PER_TOKEN
from leash_addon.core.usage import Usage
from leash_addon.wire.asked import Asked, read_request
from leash_addon.wire.routes import Route

SPEECH_BYTES_PER_TOKEN: Final = 6_400
SPEECH: Final = ("realtimeInput", "realtime_input", "input_audio_buffer.append")


class Ask(Struct):
    """A ``response.create``; Realtime puts its particulars into ``response``."""

    response: Raw | UnsetType = UNSET
    previous_response_id: Any = None


_ASK: Final = msgspec.json.Decoder(Ask)


def read_turn(route: Route, data: bytes | None, model: str | None) -> Asked:
    """Read the message that asks for a turn; ``None``: the server began by itself.

    ``model``: of the session. Only the message's own top level can say that it costs nothing.
    """
    if data is None:
        return Asked(model=model, stream=True)
    asked = read_request(replace(route, model=None), {}, data)
    inner = _inner(route, data)
    return replace(
        asked,
        model=asked.model or (inner and inner.model) or route.model or model,
        max_output=asked.max_output or (inner and inner.max_output) or None,
        stream=True,
        can_inject=False,
    )


def _inner(route: Route, data: bytes) -> Asked | None:
    try:
        response = _ASK.decode(data).response
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if response is UNSET else read_request(route, {}, bytes(response))


class Backlog:
    """Estimates the input of the next turn of one connection, in tokens."""

    __slots__ = ("_last", "_sent", "_session")

    def __init__(self, *, session: bool) -> None:
        """``session``: the connection keeps what was said; else only a turn that says so does."""
        self._session = session
        self._last = self._sent = 0

    def sent(self, data: bytes) -> None:
        """Take a message of the client that asks for nothing by itself."""
        if self._session:
            speech = any(word in data[:200].decode("utf-8", "replace") for word in SPEECH)
            self._sent += len(data) // (SPEECH_BYTES_PER_TOKEN if speech else BYTES_PER_TOKEN)

    def answered(self, usage: Usage | None) -> None:
        """Take the usage of a turn: the next one has it all as input."""
        if usage is not None:
            self._last = (usage.input_tokens or 0) + (usage.output_tokens or 0)
            self._sent = 0

    def unseen(self, data: bytes | None) -> bool:
        """Tell whether a turn has more input than its message shows."""
        return self._session or data is None or _continues(data)

    def behind(self, data: bytes | None) -> int:
        """Return the tokens that stand behind a turn's own message."""
        return self._last + self._sent if self.unseen(data) else 0


def _continues(data: bytes) -> bool:
    try:
        return _ASK.decode(data).previous_response_id is not None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return True
