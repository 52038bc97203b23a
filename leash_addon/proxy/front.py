"""The first layers of our own port, in front of mitmproxy's.

mitmproxy's HTTP layer forgets whether a request was in origin form (``POST /v1/messages``: a client
whose base URL is this proxy) or in absolute form (``POST http://host/v1/messages``: a client whose
proxy it is). Ours points the former at ``HERE``, so that it need not be guessed from the Host
header, which may be any name that leads to this machine. It also reads on without keeping the body
of a request that is refused already.

Before HTTP may come the PROXY protocol, from balancers that are believed, and TLS, which is asked
for where the listener has a certificate.
"""

from typing import override

from mitmproxy.proxy import commands, context, events, layer, tunnel
from mitmproxy.proxy.layers import ClientTLSLayer
from mitmproxy.proxy.layers.http import HttpLayer, HTTPMode, HttpStream
from mitmproxy.proxy.layers.http._events import RequestData, RequestHeaders
from mitmproxy.proxy.layers.modes import HttpProxy

from leash_addon.proxy.balancers import Balancers, announces, read_announced

HERE = "leash.invalid"
"""The host of a request in origin form; a name that nobody has (RFC 6761 section 6.4)."""

TLS_HANDSHAKE = 0x16
NO_TLS = (
    b'{"error":{"message":"leash: this port speaks TLS: write https:// in front of its address",'
    b'"type":"invalid_request_error"}}'
)


class FrontStream(HttpStream):
    """One request to our own port."""

    @override
    def state_wait_for_request_headers(self, event: RequestHeaders) -> layer.CommandGenerator[None]:
        data = event.request.data
        if not data.host and event.request.method != "CONNECT":
            data.host, data.port, data.scheme = HERE, 80, b"http"
        yield from super().state_wait_for_request_headers(event)

    @override
    def state_consume_request_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, RequestData) and self.flow.response is not None:
            return
        yield from super().state_consume_request_body(event)


class FrontLayer(HttpLayer):
    """HTTP on our own port."""

    @override
    def make_stream(self, stream_id: int) -> layer.CommandGenerator[None]:
        self.streams[stream_id] = FrontStream(self.context.fork(), stream_id)
        yield from self.event_to_child(self.streams[stream_id], events.Start())


class Announcement(layer.Layer):
    """Reads the PROXY header of a balancer, and takes the client's address from it."""

    def __init__(self, context: context.Context) -> None:
        """Stand in front of what is chosen next; no layer by itself."""
        super().__init__(context)
        context.layers.remove(self)
        self._read = b""

    @override
    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.DataReceived):
            self._read += event.data
            yield from self._look()
        elif isinstance(event, events.ConnectionClosed):
            yield commands.CloseConnection(self.context.client)

    def _look(self) -> layer.CommandGenerator[None]:
        size = 0
        if announces(self._read):
            try:
                found = read_announced(self._read)
            except ValueError:
                yield commands.CloseConnection(self.context.client)
                return
            if found is None:
                return
            size = found.size
            if found.client is not None:
                self.context.client.peername = found.client
        rest = self._read[size:]
        inner = Announced(self.context)
        self._handle_event = inner.handle_event  # type: ignore[method-assign]
        yield from inner.handle_event(events.Start())
        if rest:
            yield from inner.handle_event(events.DataReceived(self.context.client, rest))


class Announced(layer.NextLayer):
    """What comes behind a PROXY header; a second one would be the client's own."""


class Untrusting(layer.Layer):
    """Answers a client that speaks no TLS where it must."""

    @override
    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, events.DataReceived):
            head = (
                "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
                f"content-length: {len(NO_TLS)}\r\nconnection: close\r\n\r\n"
            )
            yield commands.SendData(self.context.client, head.encode() + NO_TLS)
            yield commands.CloseConnection(self.context.client)


class Front:
    """A sub-addon: chooses the first layers. ``tls``: the listener has a certificate."""

    name = "leash-front"

    def __init__(self, balancers: Balancers, *, tls: bool = False) -> None:
        """Take whom to believe, and what to speak."""
        self._balancers, self._tls = balancers, tls

    def next_layer(self, nextlayer: layer.NextLayer) -> None:
        """Choose for connections to the port of an HTTP proxy, before anything else is chosen."""
        context, data = nextlayer.context, nextlayer.data_client()
        if not data or not _is_outermost(context):
            return
        del context.layers[1:]  # stock mitmproxy may have chosen already
        peer = context.client.peername
        fresh = not isinstance(nextlayer, Announced)
        if fresh and peer and announces(data) and self._balancers.trusts(str(peer[0])):
            nextlayer.layer = Announcement(context)
        elif self._tls and data[0] != TLS_HANDSHAKE:
            nextlayer.layer = Untrusting(context)
        else:
            stack = tunnel.LayerStack()
            if data[0] == TLS_HANDSHAKE:
                stack /= ClientTLSLayer(context)
            stack /= FrontLayer(context, HTTPMode.regular)
            nextlayer.layer = stack[0]


def speaks_to_us(context: context.Context) -> bool:
    """Tell whether a TLS handshake is with our own port, and not with a server behind it."""
    layers = context.layers
    return _is_outermost(context) and sum(isinstance(x, ClientTLSLayer) for x in layers) == 1


def _is_outermost(context: context.Context) -> bool:
    layers = context.layers
    return (
        bool(layers)
        and isinstance(layers[0], HttpProxy)
        and not any(isinstance(each, HttpStream) for each in layers)
    )
