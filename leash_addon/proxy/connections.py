"""The hooks of connections: what is opened up, tunnelled or turned away before any request.

A connection counts as turned away until it has been judged, so an exception here refuses it.
"""

import logging

from mitmproxy import connection, tcp, tls
from mitmproxy.http import HTTPFlow, Response
from mitmproxy.proxy.layer import NextLayer
from mitmproxy.proxy.layers import TCPLayer

from leash_addon.proxy.coverage import Coverage, count
from leash_addon.proxy.doors import Address, Door, door, is_provider
from leash_addon.proxy.identify import proxy_user
from leash_addon.wire.routes import Providers

logger = logging.getLogger(__name__)

TLS_HANDSHAKE = 0x16
"""First byte of every TLS connection (RFC 8446 section 5.1)."""


class Connections:
    """A sub-addon: remembers what each client asked for and decides over its connection."""

    name = "leash-connections"

    def __init__(self, providers: Providers, coverage: Coverage) -> None:
        """Count into ``coverage``."""
        self._providers, self._coverage = providers, coverage
        self._connects: dict[str, tuple[Address, str | None]] = {}
        self._turned_away: set[str] = set()

    def connect_of(self, client: connection.Client) -> Address | None:
        """Return where a client's CONNECT wanted to go; ``None`` when it sent none."""
        found = self._connects.get(client.id)
        return found[0] if found else None

    def user_of(self, client: connection.Client) -> str | None:
        """Return the user name that a client's CONNECT carried."""
        found = self._connects.get(client.id)
        return found[1] if found else None

    def http_connect(self, flow: HTTPFlow) -> None:
        """Remember where a client wants to be connected to, and as whom."""
        flow.response = Response.make(500)
        user = proxy_user(flow.request.headers.get("proxy-authorization"))
        self._connects[flow.client_conn.id] = ((flow.request.host, flow.request.port), user)
        flow.response = None

    def next_layer(self, nextlayer: NextLayer) -> None:
        """Tunnel what is no TLS and no provider's: ssh and the like inside a CONNECT."""
        context, data = nextlayer.context, nextlayer.data_client()
        connect = self.connect_of(context.client)
        if connect is None or not data or data[0] == TLS_HANDSHAKE:
            return
        if context.client.tls_established or is_provider(self._providers, *connect):
            return
        if nextlayer.layer is not None:  # stock mitmproxy has chosen already
            context.layers.remove(nextlayer.layer)
        count(self._coverage.tunnelled, connect[0])
        nextlayer.layer = TCPLayer(context, ignore=True)

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """Open up, tunnel or refuse a TLS connection by the names that it gives."""
        client, address = data.context.client, data.context.server.address
        self._turned_away.add(client.id)
        connect, sni = self.connect_of(client), data.client_hello.sni
        where = None if address is None else (address[0], address[1])
        host = connect[0] if connect else sni or (where[0] if where else "")
        match door(self._providers, sni, connect=connect, address=where):
            case Door.REFUSE:
                count(self._coverage.mismatched, host)
                logger.warning("refused: CONNECT names %s and the TLS hello %s", host, sni)
                return
            case Door.TUNNEL if where is not None:
                count(self._coverage.tunnelled, host)
                data.ignore_connection = True
            case _:
                pass
        self._turned_away.discard(client.id)

    def tls_start_client(self, data: tls.TlsData) -> None:
        """Take the TLS context away from a connection that was refused, which ends it."""
        if data.context.client.id in self._turned_away:
            data.ssl_conn = None

    def tls_failed_client(self, data: tls.TlsData) -> None:
        """Count a client that does not trust our CA."""
        client = data.context.client
        if client.id not in self._turned_away:
            connect = self.connect_of(client)
            count(self._coverage.distrusted, connect[0] if connect else client.sni or "")

    def tcp_start(self, flow: tcp.TCPFlow) -> None:
        """End a raw connection to a provider: what is not HTTP cannot be metered."""
        address = flow.server_conn.address
        if address and is_provider(self._providers, address[0], address[1]):
            flow.kill()

    def client_disconnected(self, client: connection.Client) -> None:
        """Forget a client."""
        self._connects.pop(client.id, None)
        self._turned_away.discard(client.id)
