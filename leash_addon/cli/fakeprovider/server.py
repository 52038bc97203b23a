"""The fake provider's server: answers by path, counts what it was asked, tells at /_requests."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Protocol, Self

import msgspec

from leash_addon.cli.fakeprovider import (
    anthropic_messages,
    gemini_generate,
    http,
    openai_chat,
    openai_responses,
    sockets,
)
from leash_addon.cli.fakeprovider.http import Request
from leash_addon.cli.fakeprovider.script import Call, Script
from leash_addon.cli.fakeprovider.wishes import suited
from leash_addon.errors import ListenError

MOST_KEPT = 1_000
"""Requests remembered; all are counted."""

JSON, SSE = "application/json", "text/event-stream; charset=utf-8"
ENDINGS = MappingProxyType(
    {
        "/chat/completions": "openai.chat",
        "/responses": "openai.responses",
        "/messages": "anthropic.messages",
        ":generateContent": "gemini.generate",
        ":streamGenerateContent": "gemini.generate",
    }
)
type Json = dict[str, object]


class Format(Protocol):
    """How one wire format answers."""

    def whole(self, script: Script, call: Call) -> Json:
        """Return the body of a plain answer."""

    def events(self, script: Script, call: Call) -> Iterable[Json | str]:
        """Return the data of a stream's events."""


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "openai.chat": openai_chat,
        "openai.responses": openai_responses,
        "anthropic.messages": anthropic_messages,
        "gemini.generate": gemini_generate,
    }
)


@dataclass(slots=True)
class Seen:
    """What arrived: all requests counted, the last of them kept; how many are and were open."""

    count: int = 0
    open: int = 0
    peak: int = 0
    requests: deque[Json] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))

    def as_json(self) -> bytes:
        """Write it for ``GET /_requests``."""
        found = {"count": self.count, "open": self.open, "peak": self.peak}
        return msgspec.json.encode(found | {"requests": list(self.requests)})


class FakeProvider:
    """The server: ``async with FakeProvider(Script()) as fake: fake.port``.

    ``port`` 0 takes a free one. Raises ``ListenError``.
    """

    def __init__(self, script: Script, *, host: str = "127.0.0.1", port: int = 0) -> None:
        """Prepare; nothing listens before ``start``."""
        self.script = script
        self.seen = Seen()
        self._host, self._port = host, port
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Return the port that is listened on."""
        if self._server is None:
            return self._port
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen."""
        try:
            self._server = await asyncio.start_server(
                self._connection, self._host, self._port, limit=http.MOST_HEAD, backlog=1024
            )
        except OSError as error:
            msg = f"cannot listen on {self._host}:{self._port}: {error.strerror or error}"
            raise ListenError(msg) from error

    async def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
            if hasattr(self._server, "close_clients"):
                self._server.close_clients()  # Python 3.13
            self._server = None

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        await self.stop()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            ConnectionError, ValueError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            while (request := await http.read_request(reader, writer)) is not None:
                if sockets.format_of(request):
                    await self._converse(request, reader, writer)
                    break
                await self._answer(request, writer)
                if not request.keeps_open:
                    break
        writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        known = next((name for end, name in ENDINGS.items() if request.path.endswith(end)), None)
        if known is None or request.method != "POST":
            await _plain(writer, *self._aside(request))
            return
        self.seen.count += 1
        self.seen.open += 1
        self.seen.peak = max(self.seen.peak, self.seen.open)
        try:
            await self._model_call(request, known, writer)
        finally:
            self.seen.open -= 1

    async def _converse(
        self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        script = self.script.varied(request.headers)
        if script.status >= 400:  # noqa: PLR2004 - HTTP errors
            await _plain(writer, script.status, _error("the fake provider was told to fail"))
            return

        def counted(known: str, model: str, message: Json) -> int:
            self.seen.count += 1
            call = Call(number=self.seen.count, model=model, stream=True)
            self.seen.requests.append(_record(request, known, call, message))
            return self.seen.count

        await sockets.converse(request, script, reader, writer, counted)

    async def _model_call(self, request: Request, known: str, writer: asyncio.StreamWriter) -> None:
        try:
            body = msgspec.json.decode(request.body, type=dict[str, object])
            script = suited(self.script.varied(request.headers), body)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            await _plain(writer, 400, _error(str(error)))
            return
        call = _call(request, body, self.seen.count)
        self.seen.requests.append(_record(request, known, call, body))
        await asyncio.sleep(script.delay_ms / 1000)
        if script.status >= 400:  # noqa: PLR2004 - HTTP errors
            await _plain(writer, script.status, _error("the fake provider was told to fail"))
        elif not call.stream:
            await _plain(writer, 200, msgspec.json.encode(FORMATS[known].whole(script, call)))
        else:
            as_array = known == "gemini.generate" and "alt=sse" not in request.target
            writer.write(http.head(200, JSON if as_array else SSE, None))
            events = list(FORMATS[known].events(script, call))
            kept = events[: len(events) // 2] if script.ending == "close" else events
            framed = _array(kept) if as_array else (_sse(event, known) for event in kept)
            whole = kept is events
            await http.write_chunks(writer, _paced(framed, script.gap_ms), whole=whole)

    def _aside(self, request: Request) -> tuple[int, bytes]:
        """Answer what is no model call: the records, token counts, the list of models."""
        if request.path == "/_requests" and request.method == "DELETE":
            self.seen = Seen(open=self.seen.open, peak=self.seen.open)
        if request.path == "/_requests":
            return 200, self.seen.as_json()
        if request.path.endswith(("/count_tokens", "/input_tokens")):
            return 200, msgspec.json.encode({"input_tokens": self.script.input_tokens})
        if request.path.endswith(":countTokens"):
            return 200, msgspec.json.encode({"totalTokens": self.script.input_tokens})
        if request.path.endswith("/models"):
            return 200, msgspec.json.encode({"object": "list", "data": []})
        return 404, _error(f"the fake provider knows no {request.method} {request.path}")


async def _plain(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    writer.write(http.head(status, JSON, len(body)) + body)
    await writer.drain()


async def _paced(pieces: Iterable[bytes], gap_ms: int) -> AsyncIterator[bytes]:
    for number, piece in enumerate(pieces):
        if number and gap_ms:
            await asyncio.sleep(gap_ms / 1000)
        yield piece


def _sse(event: Json | str, known: str) -> bytes:
    data = event.encode() if isinstance(event, str) else msgspec.json.encode(event)
    if known == "gemini.generate":
        return b"data: " + data + b"\r\n\r\n"  # Google's line ends
    if isinstance(event, dict) and known != "openai.chat":
        return b"event: " + str(event["type"]).encode() + b"\ndata: " + data + b"\n\n"
    return b"data: " + data + b"\n\n"


def _array(events: Iterable[Json | str]) -> Iterable[bytes]:
    lead = b"["
    for event in events:
        yield lead + msgspec.json.encode(event)
        lead = b",\r\n"
    yield b"]"


def _call(request: Request, body: Json, number: int) -> Call:
    path = request.path
    model = body.get("model") or path.rpartition("/")[2].partition(":")[0]
    options = body.get("stream_options")
    return Call(
        number=number,
        model=str(model),
        stream=body.get("stream") is True or path.endswith(":streamGenerateContent"),
        wants_usage=isinstance(options, dict) and options.get("include_usage") is True,
    )


def _record(request: Request, known: str, call: Call, body: Json) -> Json:
    return {
        "number": call.number,
        "method": request.method,
        "target": request.target,
        "format": known,
        "model": call.model,
        "stream": call.stream,
        "headers": dict(request.headers),
        "body": body,
    }


def _error(message: str) -> bytes:
    return msgspec.json.encode({"error": {"message": message, "type": "fake_error"}})
