"""Gemini Live: turns of a voice session.

Source: https://ai.google.dev/api/live (2026-08). A turn opens with the client's content or with
what the model says by itself, and the message with ``usageMetadata`` settles it.
"""

from dataclasses import replace
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from leash_addon.core.reading import Reading
from leash_addon.wire.calls import Direction, Opened, Settled, SocketEvent
from leash_addon.wire.event import Event
from leash_addon.wire.formats.gemini import GenerateMeter
from leash_addon.wire.formats.seen import Seen


class Live(Struct, rename="camel"):
    """The members that tell Gemini's messages apart, in both spellings clients use."""

    client_content: msgspec.Raw | UnsetType = UNSET
    tool_response: msgspec.Raw | UnsetType = UNSET
    server_content: msgspec.Raw | UnsetType = UNSET
    tool_call: msgspec.Raw | UnsetType = UNSET
    usage_metadata: msgspec.Raw | UnsetType = UNSET
    setup: msgspec.Raw | UnsetType = UNSET
    client_snake: msgspec.Raw | UnsetType = msgspec.field(default=UNSET, name="client_content")
    tool_snake: msgspec.Raw | UnsetType = msgspec.field(default=UNSET, name="tool_response")


class Setup(Struct):
    """The first message of Gemini Live names the model."""

    model: Any = None


_LIVE: Final = msgspec.json.Decoder(Live)
_SETUP: Final = msgspec.json.Decoder(Setup)


class LiveSocket:
    """Gemini Live: a turn opens with the client's content or the server's, usage settles it."""

    def __init__(self) -> None:
        """Begin before the setup."""
        self._key = 0
        self._meter: GenerateMeter | None = None
        self._seen = Seen()

    @property
    def model(self) -> str | None:
        """Return the model that the setup named."""
        return self._seen.model

    def withdraw(self, key: int) -> None:
        """Forget the turn whose message was refused and never sent on."""
        if key == self._key:
            self._meter = None

    def reading(self, key: int) -> Reading:
        """Return what is known of the open turn by now."""
        if self._meter is None or key != self._key:
            return Reading()
        return replace(self._meter.reading(), model=self._seen.model)

    def feed(self, direction: Direction, data: bytes) -> list[SocketEvent]:
        """Take one message."""
        try:
            live = _LIVE.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return []
        if direction == "sent":
            return self._sent(live, data)
        events: list[SocketEvent] = []
        speaks = live.server_content is not UNSET and b"odelTurn" in bytes(live.server_content)
        if speaks or live.tool_call is not UNSET:
            events += self._open(None)
        if live.usage_metadata is not UNSET:
            events += [*self._open(None), *self._settle(data)]
        return events

    def close(self) -> list[SocketEvent]:
        """Settle the turn that is open."""
        if self._meter is None:
            return []
        reading = self._meter.reading()
        self._meter = None
        return [Settled(key=self._key, reading=replace(reading, model=self._seen.model))]

    def _sent(self, live: Live, data: bytes) -> list[SocketEvent]:
        if live.setup is not UNSET:
            try:
                self._seen.say(model=_SETUP.decode(live.setup).model)
            except msgspec.DecodeError:
                self._seen.note("a setup that is no object")
        asks = (live.client_content, live.client_snake, live.tool_response, live.tool_snake)
        return self._open(data) if any(part is not UNSET for part in asks) else []

    def _open(self, asked: bytes | None) -> list[SocketEvent]:
        if self._meter is not None:
            return []
        self._meter = GenerateMeter()
        self._key += 1
        return [Opened(key=self._key, asked=asked)]

    def _settle(self, data: bytes) -> list[SocketEvent]:
        if self._meter is not None:
            self._meter.on_event(Event(None, data))
        return [
            replace(event, reading=replace(event.reading, complete=True))
            for event in self.close()
            if isinstance(event, Settled)
        ]
