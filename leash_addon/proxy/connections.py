"""The hooks of connections: what is opened up, tunnelled or turned away before any request.

A connection counts as turned away until it has been judged, so an exception here refuses it.
"""

import logging

from mitmproxy import connection, tcp, tls
from mitmproxy.http import HTTPFlow, Response
from mitmproxy.proxy.layer import NextLayer
from mitmproxy.proxy.layers import TCPLayer
from mitmproxy.proxy.layers.modes import Socks5AuthData
from mitmproxy.proxy.mode_specs import RegularMode

from leash_addon.proxy.coverage import Coverage, count
from leash_addon.proxy.doors import Address, Door, door, is_provider
from leash_addon.proxy.entrance import Entrance, Visitor
from leash_addon.proxy.front import speaks_to_us
from leash_addon.proxy.gate import PROXY_UNAUTHORIZED
from leash_addon.proxy.intake import (
    ip_of,
    lowered,
    passthrough_denial,
    strip_own_headers,
    unreachable,
)
from leash_addon.proxy.presented import Presented, proxy_user
from leash_addon.proxy.reach import Reach
from leash_addon.proxy.redirected import listed_name
from leash_addon.proxy.refusals import Caller, Denial, refusal
from leash_addon.wire.routes import Providers

logger = logging.getLogger(__name__)

TLS_HANDSHAKE = 0x16
"""First byte of every TLS connection (RFC 8446 section 5.1)."""


class Connections:
    """A sub-addon: remembers what each client asked for and decides over its connection."""

    name = "leash-connections"

    def __init__(
        self,
        providers: Providers,
        coverage: Coverage,
        entrance: Entrance,
        reach: Reach,
        *,
        tls: bool = False,
    ) -> None:
        """Count into ``coverage``. ``tls``: our own port speaks TLS."""
        self._providers, self._coverage = providers, coverage
        self._entrance, self._reach, self._speaks_tls = entrance, reach, tls
        self._connects: dict[str, Address] = {}
        self._visitors: dict[str, Visitor] = {}
        self._turned_away: set[str] = set()

    def connect_of(self, client: connection.Client) -> Address | None:
        """Return where a client's CONNECT wanted to go; ``None`` when it sent none."""
        return self._connects.get(client.id)

    def is_tunnelled(self, client: connection.Client) -> bool:
        """Tell whether what a client sends is for a server behind us, and not for our port."""
        return client.id in self._connects or not isinstance(client.proxy_mode, RegularMode)

    def visitor_of(self, client: connection.Client) -> Visitor | None:
        """Return whom a client's CONNECT or SOCKS greeting let in."""
        return self._visitors.get(client.id)

    def client_connected(self, client: connection.Client) -> None:
        """Let a client in that a firewall redirected from a network which needs no token."""
        if (visitor := self._entrance.meet(client)) is not None:
            self._visitors[client.id] = visitor

    async def http_connect(self, flow: HTTPFlow) -> None:
        """Let a client in that wants to be connected, where it may; remember where, and as whom."""
        flow.response = Response.make(500)
        request, headers = flow.request, lowered(flow.request.headers)
        strip_own_headers(request.headers)
        visitor = self._entrance.let_in(headers, ip_of(flow), status=PROXY_UNAUTHORIZED)
        if isinstance(visitor, Denial):
            flow.response = answer(visitor)
            return
        denial = await self._why_not(request.host, request.port)
        if denial is not None:
            count(self._coverage.denied, request.host)
            flow.response = answer(denial)
            return
        self._connects[flow.client_conn.id] = (request.host, request.port)
        self._visitors[flow.client_conn.id] = visitor
        flow.response = None

    def socks5_auth(self, data: Socks5AuthData) -> None:
        """Let a client in by the name and password of its SOCKS greeting."""
        token = data.password.encode("utf-8", "surrogateescape")
        shown = Presented(user=proxy_user(data.username), token=token)
        peer = data.client_conn.peername
        ip = str(peer[0]) if peer else ""
        visitor = self._entrance.admit(shown, ip, status=PROXY_UNAUTHORIZED)
        if not isinstance(visitor, Denial):
            self._visitors[data.client_conn.id] = visitor
            data.valid = True

    def next_layer(self, nextlayer: NextLayer) -> None:
        """Tunnel what is no TLS and no provider's: ssh and the like inside a CONNECT."""
        context, data = nextlayer.context, nextlayer.data_client()
        connect = self.connect_of(context.client)
        if connect is None or not data or data[0] == TLS_HANDSHAKE:
            return
        if context.client.tls_established and not speaks_to_us(context):
            return
        if is_provider(self._providers, *connect):
            return
        if nextlayer.layer is not None:  # stock mitmproxy has chosen already
            context.layers.remove(nextlayer.layer)
        count(self._coverage.tunnelled, connect[0])
        nextlayer.layer = TCPLayer(context, ignore=True)

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """Open up, tunnel or refuse a TLS connection by the names that it gives."""
        client, address = data.context.client, data.context.server.address
        if speaks_to_us(data.context) and self._speaks_tls:
            return
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
                if connect is None:
                    # By its name, where that is listed: leash looks the address up itself.
                    data.context.server.address = where = listed_name(self._reach, sni, where)
                    if not self._may_tunnel(client, where):
                        count(self._coverage.denied, host)
                        return
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
        self._visitors.pop(client.id, None)
        self._turned_away.discard(client.id)

    async def _why_not(self, host: str, port: int) -> Denial | None:
        """Say why a CONNECT is refused. A provider's addresses are looked at when it is called."""
        if is_provider(self._providers, host, port):
            why = self._reach.why_not(host, port, connect=True)
            return None if why is None else passthrough_denial(why)
        return await unreachable(self._reach, host, port, connect=True)

    def _may_tunnel(self, client: connection.Client, where: Address) -> bool:
        """Tell whether a connection without a CONNECT (SOCKS, transparent) may be tunnelled."""
        let_in = self._entrance.gate is None or self.visitor_of(client) is not None
        return let_in and self._reach.why_not(*where, connect=True) is None


def answer(denial: Denial) -> Response:
    """Answer a CONNECT that is refused."""
    made = refusal(denial, Caller(shape=""))
    return Response.make(made.status, made.body, made.headers)
