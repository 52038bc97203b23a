"""The fake provider's WebSockets: Responses, Realtime and Gemini Live, many turns on a connection.

Responses answers each ``response.create`` with the events of its stream (one with
``generate: false`` without output or usage), Realtime also audio that nobody asked about, as its
voice detection does. Messages are read one after the other, so turns never overlap.
https://platform.openai.com/docs/guides/websocket-mode, https://ai.google.dev/api/live (2026-08)
"""

import asyncio
import base64
import hashlib
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace

import msgspec
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage

from leash_addon.cli.fakeprovider import gemini_generate, openai_responses, realtime
from leash_addon.cli.fakeprovider.http import Request
from leash_addon.cli.fakeprovider.script import Call, Script

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""RFC 6455 section 1.3."""

READ = 65_536
ENDINGS = (
    ("/responses", "openai.responses"),
    ("/realtime", "openai.realtime"),
    ("BidiGenerateContent", "gemini.live"),
)
type Json = dict[str, object]
type Count = Callable[[str, str, Json], int]
"""Takes format, model and message of a turn into the records; returns its number."""


class Dropped(Exception):  # noqa: N818 - an ending, not an error
    """The connection is to break off here."""


def format_of(request: Request) -> str | None:
    """Return the format of an upgrade, if it is one that is known."""
    if request.headers.get("upgrade", "").lower() != "websocket":
        return None
    return next((name for end, name in ENDINGS if request.path.endswith(end)), None)


async def converse(
    request: Request,
    script: Script,
    reader: StreamReader,
    writer: StreamWriter,
    count: Count,
) -> None:
    """Accept an upgrade and answer every turn until the client leaves."""
    known = format_of(request) or ""
    writer.write(_accepted(request))
    socket = Connection(ConnectionType.SERVER)
    session = _Session(script, known, request, count)
    try:
        for message in session.greeting():
            writer.write(socket.send(_text(message)))
        async for data in _messages(socket, reader, writer):
            async for message in session.answer(data):
                writer.write(socket.send(_text(message)))
                await writer.drain()
    except Dropped:
        writer.close()


class _Session:
    """What one connection remembers: its model, and its place in the script."""

    def __init__(self, script: Script, known: str, request: Request, count: Count) -> None:
        self._script, self._known, self._count = script, known, count
        query = request.target.partition("?")[2]
        named = [part[6:] for part in query.split("&") if part.startswith("model=")]
        self._model = named[0] if named else "fake"

    def greeting(self) -> Iterator[Json]:
        if self._known == "openai.realtime":
            yield {"type": "session.created", "session": {"model": self._model}}

    async def answer(self, data: bytes) -> AsyncIterator[Json]:
        try:
            message = msgspec.json.decode(data, type=dict[str, object])
        except msgspec.DecodeError:
            yield {"type": "error", "error": {"type": "invalid_request_error", "message": "?"}}
            return
        for number, event in enumerate(self._events(message)):
            pause = self._script.gap_ms if number else self._script.delay_ms
            await asyncio.sleep(pause / 1000)
            yield event

    def _events(self, message: Json) -> Iterator[Json]:
        if self._known == "gemini.live":
            return self._live(message)
        kind = message.get("type")
        if self._known == "openai.responses":
            return self._respond(message) if kind == "response.create" else iter(())
        if kind in {"response.create", "input_audio_buffer.append"}:
            return self._speak(message)
        return iter(())

    def _respond(self, message: Json) -> Iterator[Json]:
        script, model = self._script, str(message.get("model") or self._model)
        if message.get("generate") is False:
            script = replace(script, usage=False, text=" ", chunks=1, tool_loop=False)
            call = Call(number=0, model=model, stream=True)
        else:
            call = self._call(model, message)
        yield from _ended(list(openai_responses.events(script, call)), script)

    def _speak(self, message: Json) -> Iterator[Json]:
        call = self._call(self._model, message)
        yield from _ended(list(realtime.events(self._script, call)), self._script)

    def _live(self, message: Json) -> Iterator[Json]:
        setup = message.get("setup")
        if isinstance(setup, dict):
            self._model = str(setup.get("model") or self._model)
            yield {"setupComplete": {}}
        if not {"clientContent", "toolResponse", "realtimeInput"} & message.keys():
            return
        call = self._call(self._model, message)
        yield from _ended(list(gemini_generate.turn(self._script, call)), self._script)

    def _call(self, model: str, message: Json) -> Call:
        return Call(number=self._count(self._known, model, message), model=model, stream=True)


def _ended(events: list[Json], script: Script) -> Iterator[Json]:
    """Give the events the ending that the script asks for."""
    if script.ending == "complete":
        yield from events
        return
    yield from events[: len(events) // 2]
    if script.ending == "close":
        raise Dropped
    last = events[-1]
    response = last.get("response")
    if isinstance(response, dict):
        error = {"code": "server_error", "message": "the fake provider was told to fail"}
        state: Json = {"status": "failed", "error": error, "usage": None}
        kind = "response.done" if last["type"] == "response.done" else "response.failed"
        yield last | {"type": kind, "response": response | state}
    else:
        yield {"goAway": {"timeLeft": "0s"}}


async def _messages(
    socket: Connection, reader: StreamReader, writer: StreamWriter
) -> AsyncIterator[bytes]:
    whole = b""
    while data := await reader.read(READ):
        socket.receive_data(data)
        for event in socket.events():
            if isinstance(event, TextMessage | BytesMessage):
                part = event.data
                whole += part.encode() if isinstance(part, str) else bytes(part)
                if event.message_finished:
                    yield whole
                    whole = b""
            elif not _is_talk(event, socket, writer):
                return


def _is_talk(event: Event, socket: Connection, writer: StreamWriter) -> bool:
    """Answer a ping or a close; ``False``: the conversation is over."""
    if isinstance(event, Ping | CloseConnection):
        writer.write(socket.send(event.response()))
    return not isinstance(event, CloseConnection)


def _text(message: Json) -> TextMessage:
    return TextMessage(msgspec.json.encode(message).decode())


def _accepted(request: Request) -> bytes:
    key = request.headers.get("sec-websocket-key", "").encode()
    accept = base64.b64encode(hashlib.sha1(key + MAGIC, usedforsecurity=False).digest())
    head = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    return head + b"sec-websocket-accept: " + accept + b"\r\n\r\n"
