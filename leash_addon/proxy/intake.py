"""What is known of a request to a provider before its body is read."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from mitmproxy import http

from leash_addon.core.scopes import NO_TAGS
from leash_addon.core.verdict import Reason
from leash_addon.core.virtual_keys import Grant
from leash_addon.proxy import identify
from leash_addon.proxy.base_urls import meant, send, split_run
from leash_addon.proxy.clients import Client, Clients
from leash_addon.proxy.credentials import bears_one
from leash_addon.proxy.doors import plain
from leash_addon.proxy.entrance import BY_KEY, Entrance, Visitor
from leash_addon.proxy.gate import PROXY_UNAUTHORIZED, UNAUTHORIZED
from leash_addon.proxy.governor import Call
from leash_addon.proxy.identity import Forbidden, Identity, Sighting
from leash_addon.proxy.kinds import said_kind
from leash_addon.proxy.pages import page_of
from leash_addon.proxy.policy import Policy
from leash_addon.proxy.reach import Reach, UnreachableError
from leash_addon.proxy.redirected import go_by_name
from leash_addon.proxy.refusals import Denial
from leash_addon.proxy.tags import credential_of
from leash_addon.proxy.tee import Tee
from leash_addon.proxy.upstream import is_for_us, send_to_url
from leash_addon.wire.request_shapes import Body
from leash_addon.wire.routes import ProviderRule, Providers, Route
from leash_addon.wire.senders import sender_of

UNKNOWN_PATH = "unknown_path"
"""The reason of a refusal for a path that means no provider."""

HAS_PORT = re.compile(r":[0-9]*$")
"""The end of a Host header with a port."""

MISDIRECTED = "misdirected"
"""The reason of a refusal for a Host header that names another server than the request's own."""

MISDIRECTED_WHY = "the Host header names another server than the one that the request is for"

PASSTHROUGH = "passthrough"
"""The reason of a refusal for a server that may not be reached."""


@dataclass(slots=True, kw_only=True)
class Intake:
    """One request to a provider. ``url``: as the client meant it, before any other upstream.

    ``host``: the provider's, as the client meant it. ``tags``: who asks, beside the run. ``seen``:
    what they were told from; ``sure``: the body can tell no more. ``kind``: what its headers say
    that the call is to it. ``call``: once it is admitted. ``injected``: we asked for the usage
    event; ``streamed``: a stream was asked for. ``grant``: what the caller's virtual key allows.
    ``remark``: what screening found, for people. ``must_have_key``: nothing but its virtual key
    lets it in.
    """

    rule: ProviderRule
    route: Route
    client: Client
    imputed: bool
    url: str
    host: str
    seen: Sighting
    kind: str = ""
    run: str = ""
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    sure: bool = False
    must_have_key: bool = False
    call: Call | None = None
    tee: Tee | None = None
    grant: Grant | None = None
    injected: bool = False
    streamed: bool = False
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnedAway:
    """A request that is refused before anything is judged. ``shape``: what it spoke to."""

    denial: Denial
    shape: str = ""


type Received = Intake | TurnedAway | http.Response | None
"""A request to a provider, a refusal, an answer of our own, or nobody's request, which passes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """Takes requests in: whose they are, what they are, and where they go.

    ``hashed``: what stands for a credential. ``root_pem``: what clients are to trust.
    """

    providers: Providers
    clients: Clients
    policy: Policy
    hashed: Callable[[str], str]
    entrance: Entrance
    identity: Identity
    reach: Reach
    root_pem: bytes = b""

    async def receive(
        self, flow: http.HTTPFlow, earlier: Visitor | None, *, tunnelled: bool
    ) -> Received:
        """Take a request in; leash's own headers are gone from it afterwards.

        ``earlier``: who opened the connection. ``tunnelled``: it came through a CONNECT or the
        like, and is for the server named there.
        """
        request, headers = flow.request, lowered(flow.request.headers)
        strip_own_headers(request.headers)
        ours = not tunnelled and is_for_us(flow, self.policy.names)
        if ours and (page := page_of(request, self.root_pem)) is not None:
            return page
        run, path = split_run(request.path) if ours else ("", request.path)
        target = meant(path, headers, self.providers, self._host_of(request)) if ours else None
        found = None if ours else self._provider_of(flow)
        rule = target.rule if target and not isinstance(target, str) else found and found[1]
        shape = rule.dialect or rule.name if rule else ""
        status = UNAUTHORIZED if ours or tunnelled else PROXY_UNAUTHORIZED
        peer = ip_of(flow)
        visitor = self.entrance.let_in(headers, peer, status=status, earlier=earlier)
        if isinstance(visitor, Denial) and rule is not None and bears_one(request):
            visitor = self.entrance.by_key(headers, peer) or visitor
        if isinstance(visitor, Denial):
            return TurnedAway(denial=visitor, shape=shape)
        if isinstance(target, str):
            return TurnedAway(denial=Denial(reason=UNKNOWN_PATH, message=target, status=404))
        if target is not None:
            send(request, target)
            found = (target.host, target.rule)
        if tunnelled:
            go_by_name(flow, found[0] if found else None, self.reach)
        if found is None:
            return await self._pass_through(request)
        denial = None if ours else self._not_there(flow, found[0])
        if denial is not None:
            return TurnedAway(denial=denial, shape=shape)
        credential = credential_of(headers, request.path)
        seen = Sighting(
            headers=headers,
            user=visitor.user,
            path_run=run,
            ip=visitor.ip,
            key=self.hashed(credential) if credential else "",
            grant=visitor.grant,
        )
        return self._take_in(request, seen, *found)

    def _not_there(self, flow: http.HTTPFlow, host: str) -> Denial | None:
        """Refuse a request for a provider's host that asks for another server, or an odd port."""
        if misdirected(flow, host):
            return Denial(reason=MISDIRECTED, message=MISDIRECTED_WHY, status=421)
        why = self.reach.why_not(flow.request.host, flow.request.port)
        return None if why is None else passthrough_denial(why)

    def _provider_of(self, flow: http.HTTPFlow) -> tuple[str, ProviderRule] | None:
        request = flow.request
        found = self._rule(request.host, request.port)
        found = found or self._rule(flow.client_conn.sni, request.port)
        return found or self._rule(request.pretty_host, request.port)

    def _host_of(self, request: http.Request) -> str:
        """Return the Host header where it is a provider's own name."""
        host = (request.host_header or "").lower()
        rule = self.providers.find_host(host)
        return host if rule is not None and ":" not in host else ""

    def _rule(self, host: str | None, port: int) -> tuple[str, ProviderRule] | None:
        if not host:
            return None
        name = plain(host)
        rule = self.providers.find_host(f"{name}:{port}")
        return None if rule is None else (name, rule)

    async def _pass_through(self, request: http.Request) -> Received:
        """Let a request to nobody's server through, where that may be reached."""
        denial = await unreachable(self.reach, request.host, request.port)
        return None if denial is None else TurnedAway(denial=denial)

    def _take_in(
        self, request: http.Request, seen: Sighting, host: str, rule: ProviderRule
    ) -> Received:
        url, headers = f"{request.scheme}://{host}{request.path}", seen.headers
        client = self.clients.find(headers)
        intake = Intake(
            rule=rule,
            route=rule.route(request.method, request.path),
            client=client,
            kind=said_kind(client, headers),
            host=host,
            must_have_key=seen.grant is BY_KEY,
            imputed=rule.imputed or identify.is_imputed(host, headers),
            url=url,
            seen=seen,
        )
        denial = self.name(intake)
        if denial is not None:
            return TurnedAway(denial=denial, shape=rule.dialect or rule.name)
        base = self.policy.upstream or rule.upstream
        if base:
            send_to_url(request, base)
        return intake

    def named(self, intake: Intake, body: Body | None) -> Denial | None:
        """Tell who calls for good. Returns why they may not."""
        intake.seen = replace(intake.seen, sender=sender_of(intake.seen.headers, body))
        return self.name(intake)

    def name(self, intake: Intake) -> Denial | None:
        """Tell who calls, as far as is known. Returns why they may not."""
        try:
            caller = self.identity.caller(intake.seen)
        except Forbidden as error:
            return Denial(reason=Reason.AUTH.value, message=str(error), status=403)
        except ValueError as error:
            return Denial(reason=Reason.AUTH.value, message=str(error), status=400)
        intake.run, intake.tags, intake.sure = caller.run, caller.tags, caller.sure
        if intake.grant is not None:
            intake.tags = {**caller.tags, "key": intake.grant.name}
        return None


def misdirected(flow: http.HTTPFlow, host: str) -> bool:
    """Tell whether the Host header of a request to ``host`` asks for another server behind it."""
    request = flow.request
    named = request.host_header
    if not named:
        return False
    name = plain(named.rpartition(":")[0] if HAS_PORT.search(named) else named)
    return name not in {host, plain(request.host), plain(flow.client_conn.sni or "")}


async def unreachable(
    reach: Reach, host: str, port: int, *, connect: bool = False
) -> Denial | None:
    """Say why a server that is nobody's may not be reached, by name and by address."""
    why = reach.why_not(host, port, connect=connect)
    if why is None and reach.guarded:
        try:
            await reach.addresses(host, port)
        except UnreachableError as error:
            why = str(error)
        except (OSError, UnicodeError):
            why = f"{host[:100]} cannot be resolved"
    return None if why is None else passthrough_denial(why)


def passthrough_denial(why: str) -> Denial:
    """Refuse a server that may not be reached."""
    return Denial(reason=PASSTHROUGH, message=why, status=403)


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
