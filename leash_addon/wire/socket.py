"""WebSockets: one connection, many calls, each with its own usage.

OpenAI's Realtime and Responses (https://platform.openai.com/docs/api-reference/realtime, 2026-08),
xAI's and Azure's realtime, Gemini Live (https://ai.google.dev/api/live, 2026-08). A call opens when
the client asks for a response, or when the server begins one by itself (voice activity), and
settles with the message that reports its usage. Messages are read as they pass and not kept.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from leash_addon.core.reading import Reading
from leash_addon.wire.calls import Direction, Opened, Settled, SocketEvent, SocketMeter
from leash_addon.wire.event import Event
from leash_addon.wire.formats.numbers import at, decode, text
from leash_addon.wire.formats.openai_responses import ResponsesMeter
from leash_addon.wire.formats.realtime import realtime_meter, transcription_meter
from leash_addon.wire.formats.seen import FormatMeter
from leash_addon.wire.live import LiveSocket
from leash_addon.wire.routes import Route


class Answer(Struct):
    """The response of a message, by its id."""

    id: Any = None


class Message(Struct):
    """What tells whose message it is."""

    type: Any = None
    response_id: Any = None
    response: Answer | UnsetType | None = UNSET
    usage: msgspec.Raw | UnsetType = UNSET


_MESSAGE: Final = msgspec.json.Decoder(Message)
ASKS: Final = "response.create"
BEGINS: Final = "response.created"
TRANSCRIBED: Final = "conversation.item.input_audio_transcription.completed"
TRANSCRIBERS: Final = ("audio.input.transcription.model", "input_audio_transcription.model")
MOST_OPEN: Final = 64
"""Calls of one connection that are metered at a time; the oldest is settled as it is."""


def socket_meter(route: Route) -> SocketMeter | None:
    """Return the meter for a connection; ``None`` where its format has none."""
    match route.format:
        case "openai.realtime":
            return ResponseSocket(realtime_meter)
        case "openai.responses":
            return ResponseSocket(ResponsesMeter)
        case "gemini.live":
            return LiveSocket()
        case _:
            return None


class ResponseSocket:
    """Responses and Realtime: ``response.create`` asks, ``response.created`` begins."""

    def __init__(self, make: Callable[[], FormatMeter]) -> None:
        """``make``: the format of the answers."""
        self._make = make
        self._next = 0
        self._asked: deque[int] = deque()
        self._open: dict[str, tuple[int, FormatMeter]] = {}
        self._model: str | None = None
        self._ear: str | None = None

    @property
    def model(self) -> str | None:
        """Return the model that the session named last."""
        return self._model

    def feed(self, direction: Direction, data: bytes) -> list[SocketEvent]:
        """Take one message."""
        try:
            message = _MESSAGE.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return []
        if isinstance(message.type, str) and message.type.startswith("session."):
            self._hear(data)
        if direction == "sent":
            return [self._ask(data)] if message.type == ASKS else []
        if message.type == TRANSCRIBED:
            return self._transcribed(data)
        events: list[SocketEvent] = []
        if message.type == BEGINS:
            events += self._begin(message)
        return [*events, *self._read(message, data)]

    def close(self) -> list[SocketEvent]:
        """Settle what is open; what was asked and never began has an empty reading."""
        left: list[SocketEvent] = [
            Settled(key=key, reading=_named(meter.reading(), self._model))
            for key, meter in self._open.values()
        ]
        left += [Settled(key=key, reading=Reading()) for key in self._asked]
        self._open.clear()
        self._asked.clear()
        return left

    def withdraw(self, key: int) -> None:
        """Forget a call whose message was refused and never sent on."""
        if key in self._asked:
            self._asked.remove(key)

    def reading(self, key: int) -> Reading:
        """Return what is known of an open call by now."""
        found = next((meter for each, meter in self._open.values() if each == key), None)
        return Reading() if found is None else _named(found.reading(), self._model)

    def _hear(self, data: bytes) -> None:
        """Keep the models that a session names; the answers do not repeat them."""
        session = at(decode(data), "session")
        self._model = text(session, ("model",)) or self._model
        self._ear = text(session, TRANSCRIBERS) or self._ear

    def _ask(self, data: bytes) -> Opened:
        self._next += 1
        self._asked.append(self._next)
        return Opened(key=self._next, asked=data)

    def _begin(self, message: Message) -> list[SocketEvent]:
        events: list[SocketEvent] = []
        if self._asked:
            key = self._asked.popleft()
        else:
            self._next += 1
            key = self._next
            events.append(Opened(key=key, asked=None))
        if len(self._open) >= MOST_OPEN:
            events.append(self._settle(next(iter(self._open))))
        self._open[_id(message) or f"#{key}"] = (key, self._make())
        return events

    def _read(self, message: Message, data: bytes) -> list[SocketEvent]:
        known = _id(message)
        name = known if known in self._open else next(reversed(self._open), None)
        if name is None:
            return self._refused(message, data)
        meter = self._open[name][1]
        meter.on_event(Event(None, data))
        return [self._settle(name)] if meter.complete else []

    def _settle(self, name: str) -> Settled:
        key, meter = self._open.pop(name)
        return Settled(key=key, reading=_named(meter.reading(), self._model))

    def _refused(self, message: Message, data: bytes) -> list[SocketEvent]:
        """Settle a call that was answered by an error alone: it costs nothing."""
        if message.type != "error" or not self._asked:
            return []
        meter = self._make()
        meter.on_event(Event(None, data))
        reading = replace(meter.reading(), free=True)
        return [Settled(key=self._asked.popleft(), reading=reading)]

    def _transcribed(self, data: bytes) -> list[SocketEvent]:
        meter = transcription_meter()
        meter.on_event(Event(None, data), whole=True)
        reading = _named(replace(meter.reading(), response_id=None), self._ear)
        self._next += 1
        return [
            Opened(key=self._next, asked=None),
            Settled(key=self._next, reading=reading, kind="transcription"),
        ]


def _id(message: Message) -> str | None:
    named = message.response.id if isinstance(message.response, Answer) else None
    found = named or message.response_id
    return found if isinstance(found, str) else None


def _named(reading: Reading, model: str | None) -> Reading:
    return reading if reading.model else replace(reading, model=model)
