"""WebSockets: one connection, many calls, each with its own usage.

OpenAI's Realtime and Responses (https://platform.openai.com/docs/api-reference/realtime, 2026-08),
xAI's and Azure's realtime, Gemini Live (https://ai.google.dev/api/live, 2026-08). A call opens when
the client asks for a response, or when the server begins one by itself (voice activity), and
settles with the message that reports its usage. Messages are read as they pass and not kept.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, Protocol

import msgspec
from msgspec import UNSET, Struct, UnsetType

from leash_addon.core.reading import Reading
from leash_addon.wire.event import Event
from leash_addon.wire.formats.gemini import GenerateMeter
from leash_addon.wire.formats.numbers import at, decode, text
from leash_addon.wire.formats.openai_responses import ResponsesMeter
from leash_addon.wire.formats.realtime import realtime_meter, transcription_meter
from leash_addon.wire.formats.seen import FormatMeter, Seen
from leash_addon.wire.routes import Route

type Direction = Literal["sent", "received"]
"""Seen from the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A call begins.

    ``asked``: the client's message, which can be refused before it is sent on; ``None`` where the
    server began by itself.
    """

    key: int
    asked: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A call ended. ``kind``: ``response``, or ``transcription`` by a model of its own."""

    key: int
    reading: Reading
    kind: str = "response"


type SocketEvent = Opened | Settled


class SocketMeter(Protocol):
    """Meters one connection. Never raises; a message that is no JSON is passed over."""

    def feed(self, direction: Direction, data: bytes) -> list[SocketEvent]:
        """Take one whole message and return what it opens and settles."""
        ...

    def close(self) -> list[SocketEvent]:
        """Hear that the connection ended; settle what is still open from what was seen."""
        ...


class Answer(Struct):
    """The response of a message, by its id."""

    id: Any = None


class Message(Struct):
    """What tells whose message it is."""

    type: Any = None
    response_id: Any = None
    response: Answer | UnsetType | None = UNSET
    usage: msgspec.Raw | UnsetType = UNSET


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


_MESSAGE: Final = msgspec.json.Decoder(Message)
_LIVE: Final = msgspec.json.Decoder(Live)
_SETUP: Final = msgspec.json.Decoder(Setup)
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


class LiveSocket:
    """Gemini Live: a turn opens with the client's content or the server's, usage settles it."""

    def __init__(self) -> None:
        """Begin before the setup."""
        self._key = 0
        self._meter: GenerateMeter | None = None
        self._seen = Seen()

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


def _id(message: Message) -> str | None:
    named = message.response.id if isinstance(message.response, Answer) else None
    found = named or message.response_id
    return found if isinstance(found, str) else None


def _named(reading: Reading, model: str | None) -> Reading:
    return reading if reading.model else replace(reading, model=model)
