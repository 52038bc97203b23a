"""What is known of a request to a provider before its body is read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mitmproxy import http

from leash_addon.core.virtual_keys import Grant
from leash_addon.proxy import identify
from leash_addon.proxy.clients import Client, Clients
from leash_addon.proxy.doors import plain
from leash_addon.proxy.governor import Call
from leash_addon.proxy.kinds import said_kind
from leash_addon.proxy.policy import Policy
from leash_addon.proxy.tags import tags_of
from leash_addon.proxy.tee import Tee
from leash_addon.proxy.upstream import base_url_host, is_for_us, send_to_host, send_to_url
from leash_addon.wire.routes import ProviderRule, Providers, Route


@dataclass(slots=True, kw_only=True)
class Intake:
    """One request to a provider. ``url``: as the client meant it, before any other upstream.

    ``tags``: who asks, beside the run. ``kind``: what its headers say that the call is
    to it. ``call``: once it is admitted. ``injected``: we asked for
    the usage event. ``grant``: what the caller's virtual key allows. ``remark``: what
    screening found, for people.
    """

    rule: ProviderRule
    route: Route
    run: str
    client: Client
    imputed: bool
    url: str
    tags: Mapping[str, str]
    kind: str
    call: Call | None = None
    tee: Tee | None = None
    grant: Grant | None = None
    injected: bool = False
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """Takes requests in: whose they are, what they are, and where they go.

    ``hashed``: what stands for a credential.
    """

    providers: Providers
    clients: Clients
    policy: Policy
    hashed: Callable[[str], str]

    def provider_of(
        self, flow: http.HTTPFlow, *, tunnelled: bool
    ) -> tuple[str, ProviderRule] | None:
        """Return the provider's host that a request is for, and its rule; ``None``: nobody's.

        ``tunnelled``: it came through a CONNECT. A base-URL client's request is pointed at the
        provider whose path it has.
        """
        request = flow.request
        if not tunnelled and is_for_us(flow, self.policy.names):
            meant = base_url_host(request.path, self.providers)
            if meant is not None:
                send_to_host(request, meant)
        found = self._rule(request.host, request.port)
        found = found or self._rule(flow.client_conn.sni, request.port)
        return found or self._rule(request.pretty_host, request.port)

    def _rule(self, host: str | None, port: int) -> tuple[str, ProviderRule] | None:
        if not host:
            return None
        name = plain(host)
        rule = self.providers.find_host(f"{name}:{port}")
        return None if rule is None else (name, rule)

    def take_in(
        self,
        request: http.Request,
        headers: Mapping[str, str],
        host: str,
        rule: ProviderRule,
        user: str | None,
        *,
        ip: str = "",
    ) -> Intake:
        """Read who calls and what; send it elsewhere if so configured.

        ``headers``: of the request, names in lower case. Raises ``ValueError`` for a run id that
        is none.
        """
        url = f"{request.scheme}://{host}{request.path}"
        client = self.clients.find(headers)
        intake = Intake(
            rule=rule,
            route=rule.route(request.method, request.path),
            run=identify.run_of(self.policy, headers, user),
            client=client,
            kind=said_kind(client, headers),
            imputed=rule.imputed or identify.is_imputed(host, headers),
            url=url,
            tags=tags_of(headers, user, url, ip, self.hashed),
        )
        base = self.policy.upstream or rule.upstream
        if base:
            send_to_url(request, base)
        return intake


def ip_of(flow: http.HTTPFlow) -> str:
    """Return the address of a client, "" when it is not known."""
    peer = flow.client_conn.peername
    return str(peer[0]) if peer else ""


def lowered(headers: http.Headers) -> Mapping[str, str]:
    """Return headers by lower-case name; several of one name are joined by commas.

    From the raw fields: mitmproxy's own items search all fields once for each name.
    """
    found: dict[str, str] = {}
    for raw_name, raw_value in headers.fields:
        name = raw_name.decode("utf-8", "surrogateescape").lower()
        value = raw_value.decode("utf-8", "surrogateescape")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def strip_own_headers(headers: http.Headers) -> None:
    """Take out what was meant for leash."""
    own = [name for name, _ in headers.fields if identify.is_own(name.decode("utf-8", "replace"))]
    if own:
        headers.fields = tuple(field for field in headers.fields if field[0] not in own)


def is_upgrade(headers: Mapping[str, str]) -> bool:
    """Tell whether a request with these headers (lower-case names) wants to be a WebSocket."""
    return headers.get("upgrade", "").lower() == "websocket"


def is_unsent(flow: http.HTTPFlow) -> bool:
    """Tell whether a failed flow never had a connection upstream, so that nothing was spent."""
    server = flow.server_conn
    ready = server.timestamp_tls_setup if server.tls else server.timestamp_tcp_setup
    return flow.response is None and not ready
