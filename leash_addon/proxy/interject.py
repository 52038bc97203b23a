"""Speaking into a connection that mitmproxy relays, and hanging it up.

mitmproxy has no call for this: ``flow.kill()`` does nothing in the middle of an answer or on a
WebSocket. Its layers do know one event that passes every layer down to the stream of a flow, the
injected message; the ones here bring a stream what it takes for words of its server. What they
rest on is semi-private (12.2.3) and pinned by tests/proxy/test_cut.py.
"""

from collections.abc import Iterator
from typing import override

from mitmproxy import ctx
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.http import HTTPFlow, Response
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers.http import HttpLayer, HttpStream
from mitmproxy.proxy.layers.http._base import HttpEvent
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    ResponseData,
    ResponseEndOfMessage,
    ResponseHeaders,
    ResponseProtocolError,
)
from mitmproxy.proxy.layers.websocket import WebsocketLayer
from mitmproxy.proxy.server import ConnectionHandler
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, TextMessage

LONGEST_REASON = 120
"""Bytes of the reason in a close frame; RFC 6455 section 5.5 allows 123."""


class _Said(events.MessageInjected[None]):
    """An event that finds its way to the stream of a flow, and brings it others."""

    def __init__(self, flow: HTTPFlow, *said: HttpEvent) -> None:
        super().__init__(flow, None)
        self.said = said

    @override
    def __repr__(self) -> str:
        return type(self).__name__


class _Look(_Said, events.DataReceived):
    """Nothing came from nobody: a WebSocket looks through the messages that it has to relay."""

    def __init__(self, flow: HTTPFlow) -> None:
        _Said.__init__(self, flow)
        events.DataReceived.__init__(self, None, b"")  # type: ignore[arg-type]


async def answer(flow: HTTPFlow, response: Response) -> bool:
    """Answer a call whose provider has said nothing yet; ``False`` when it cannot be any more."""
    found = _place(flow)
    if found is None:
        return False
    handler, stream = found
    if flow.response is not None or stream.server_state != stream.state_wait_for_response_headers:
        return False
    if not flow.server_conn.connected:
        return False  # its request would still go out, on a connection that others may get
    name, body = stream.stream_id, response.raw_content or b""
    said = (ResponseHeaders(name, response), ResponseData(name, body), ResponseEndOfMessage(name))
    await _tell(handler, stream, *said)
    _close_upstream(handler, flow)
    return True


async def nudge(flow: HTTPFlow) -> None:
    """Have the stream callable of an answer called, with ``b""``, though nothing has come."""
    found = _place(flow)
    if found is not None:
        handler, stream = found
        if stream.server_state == stream.state_stream_response_body:
            await _tell(handler, stream, ResponseData(stream.stream_id, b""))


async def break_off(flow: HTTPFlow) -> None:
    """End an answer in its middle, on both sides: the client sees that it is not whole."""
    found = _place(flow)
    if found is not None:
        handler, stream = found
        broken = ResponseProtocolError(stream.stream_id, "cut by leash", ErrorCode.KILL)
        await _tell(handler, stream, broken)
        _close_upstream(handler, flow)


async def _tell(handler: ConnectionHandler, stream: HttpStream, *said: HttpEvent) -> None:
    """Have a stream take events as if its server had sent them, each in its turn."""
    plain = stream._handle_event  # noqa: SLF001 - see above

    def hear(event: events.Event) -> layer.CommandGenerator[None]:
        for each in event.said if isinstance(event, _Said) else (event,):
            yield from plain(each)

    stream._handle_event = hear  # noqa: SLF001
    await handler.server_event(_Said(stream.flow, *said))


async def hang_up(flow: HTTPFlow, words: bytes | None, code: int, reason: str) -> bool:
    """Close a WebSocket on both sides, after a last message to the client.

    ``reason``: for the close frame, cut to what fits. Within a hook of the socket it happens after
    the hook. ``False`` when the socket is closing already.
    """
    found = _socket(flow)
    if found is None:
        return False
    handler, socket = found
    server = socket.server_ws
    if server.state is not ConnectionState.OPEN:
        return False
    server.frame_buf[:] = [b""]  # half a message of the provider's is no part of ours
    if words is not None:
        server._events.append(TextMessage(words.decode()))  # noqa: SLF001 - see above
    cut = reason.encode()[:LONGEST_REASON].decode("utf-8", "ignore")
    server._events.append(CloseConnection(code, cut))  # noqa: SLF001
    await handler.server_event(_Look(flow))
    return True


async def say(flow: HTTPFlow, words: bytes) -> bool:
    """Send a message to the client of a WebSocket; ``False`` in the middle of another one."""
    found = _socket(flow)
    if found is None or found[1].server_ws.frame_buf != [b""]:
        return False
    handler, socket = found
    socket.server_ws._events.append(TextMessage(words.decode()))  # noqa: SLF001
    await handler.server_event(_Look(flow))
    return True


def let_go(flow: HTTPFlow) -> None:
    """Close the transport upstream of a WebSocket that has ended.

    mitmproxy's own task for it is cancelled then, and does not close it when that meets it with
    data in hand: the provider would go on.
    """
    found = _place(flow)
    io = None if found is None else found[0].transports.get(flow.server_conn)
    if io is not None and io.writer is not None:
        io.writer.close()


def _close_upstream(handler: ConnectionHandler, flow: HTTPFlow) -> None:
    if flow.server_conn in handler.transports:
        handler.close_connection(flow.server_conn)


def _socket(flow: HTTPFlow) -> tuple[ConnectionHandler, WebsocketLayer] | None:
    found = _place(flow)
    if found is None or not isinstance(found[1].child_layer, WebsocketLayer):
        return None
    return found[0], found[1].child_layer


def _place(flow: HTTPFlow) -> tuple[ConnectionHandler, HttpStream] | None:
    """Return the handler of a flow's connection, and the flow's stream in it."""
    server = ctx.master.addons.get("proxyserver")
    if not isinstance(server, Proxyserver):
        return None
    handler = server.connections.get(flow.client_conn.id)
    if handler is None:
        return None
    streams = (
        stream for stream in _streams(handler.layer.context.layers) if _flow_of(stream) is flow
    )
    stream = next(streams, None)
    return None if stream is None else (handler, stream)


def _flow_of(stream: HttpStream) -> HTTPFlow | None:
    return getattr(stream, "flow", None)  # not there before its request's head is


def _streams(layers: list[layer.Layer]) -> Iterator[HttpStream]:
    """Yield the streams of a connection, and those within its tunnels (CONNECT)."""
    for each in layers:
        if isinstance(each, HttpLayer):
            for stream in list(each.streams.values()):
                yield stream
                inner = stream.context.layers
                yield from _streams(inner[inner.index(stream) + 1 :])
