"""What becomes of a client that is late: mitmproxy's HTTP/1 layer says when it waits, and ends it.

mitmproxy (12.2.3) knows one time limit, of a connection without any traffic, so a byte now and then
keeps a head open for ever. The end of a wait comes to the layer as the ``Wakeup`` of a timer that
it never asked for; the HTTP layers around it are told whose it is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from typing import Protocol

from mitmproxy.proxy.commands import CloseConnection, RequestWakeup
from mitmproxy.proxy.events import DataReceived, Event, Start, Wakeup
from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.http import HttpLayer
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import ErrorCode, RequestProtocolError, ResponseData
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.server import ConnectionHandler
from mitmproxy.utils.asyncio_utils import create_task

from leash_addon.proxy.error_pages import error_answer
from leash_addon.proxy.heads import last_word
from leash_addon.proxy.patience import Phase

REQUEST_TIMEOUT = 408


class Watch(Protocol):
    """Who is told what a client is waited for."""

    def reads(self, server: Http1Server) -> None:
        """Take note of what reads the requests of a connection by now."""

    def waits(self, client: str, phase: Phase | None, size: int = 0) -> None:
        """Take note of what a client is waited for; ``size``: bytes that have come of it."""


class Late(RequestWakeup):
    """The timer. ``answer``: what its client is told."""

    def __init__(self, answer: bytes) -> None:
        """Take the answer."""
        super().__init__(0)
        self.answer = answer


def late_answer(phase: Phase, seconds: int) -> bytes:
    """Tell a client that it took too long."""
    return error_answer(REQUEST_TIMEOUT, f"the client {phase.value} within {seconds} s")


@contextmanager
def watched(watch: Watch) -> Iterator[None]:
    """Tell ``watch`` of every wait for a client, as long as the block lasts."""
    handle, pipe = Http1Server._handle_event, Http1Server.make_pipe  # noqa: SLF001

    def handle_event(self: Http1Server, event: Event) -> CommandGenerator[None]:
        if type(event) is Wakeup:
            yield from _end(self, event.command)
        else:
            yield from handle(self, event)
        if type(event) is ResponseData:
            return
        if type(event) is Start:
            watch.reads(self)
        if not _is_pipe(self):
            size = len(event.data) if type(event) is DataReceived else 0
            watch.waits(self.conn.id, phase_of(self), size)

    def make_pipe(self: Http1Server) -> CommandGenerator[None]:
        tunnel = self.request is not None and self.request.method == "CONNECT"
        watch.waits(self.conn.id, Phase.HEAD if tunnel else None)
        yield from pipe(self)

    Http1Server._handle_event = handle_event  # type: ignore[method-assign, assignment]  # noqa: SLF001
    Http1Server.make_pipe = make_pipe  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Http1Server._handle_event = handle  # type: ignore[method-assign]  # noqa: SLF001
        del Http1Server.make_pipe  # its base's own is back


def phase_of(server: Http1Server) -> Phase | None:
    """Say what a client is waited for; ``None``: for nothing, it waits for us."""
    if server.state == server.read_headers:
        return Phase.HEAD if server.buf else Phase.IDLE
    if isinstance(server.state, partial):
        return Phase.HEAD  # it has had its answer, and what it still sends is thrown away
    if server.state == server.read_body:
        return Phase.BODY
    return None


def is_ours(server: Http1Server) -> bool:
    """Tell whether a layer reads requests itself, and not something inside its tunnel."""
    return not _is_pipe(server)


def _is_pipe(server: Http1Server) -> bool:
    return bool(server.state == server.passthrough)


def give_up(handler: ConnectionHandler, server: Http1Server, phase: Phase, seconds: int) -> None:
    """End a connection by way of the layer that waits for it."""
    late = Late(late_answer(phase, seconds))
    for parent, child in pairwise(server.context.layers):
        if isinstance(parent, HttpLayer):
            parent.command_sources[late] = child
    create_task(
        handler.server_event(Wakeup(late)),
        name="the end of a wait",
        keep_ref=True,
        client=handler.client.peername,
    )


def _end(server: Http1Server, late: object) -> CommandGenerator[None]:
    phase = phase_of(server)
    if phase is None or not isinstance(late, Late):
        return  # it has come in the meantime
    is_over = phase is Phase.IDLE or isinstance(server.state, partial) or bool(server.response)
    if is_over:
        server.state = server.done
        yield CloseConnection(server.conn)
    else:
        yield from last_word(server, late.answer)
    if phase is Phase.BODY:
        code = ErrorCode.CLIENT_DISCONNECTED
        why = "the client took too long"
        yield ReceiveHttp(RequestProtocolError(server.stream_id, why, code))
