"""Virtual keys in flight: an ``lsh_`` key is checked at every call and exchanged at the seam.

It never goes upstream: a key that is unknown, revoked, expired, or on the host of a provider that
it is not for, is answered 401. The ledger is asked each time, so a revoked key stops on the next
call, on every machine. The flow holds a placeholder; ``proxy.seam`` knows what it stands for.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Protocol

from mitmproxy.http import HTTPFlow, Request

from leash_addon.core.money import SECOND, Instant
from leash_addon.core.verdict import Reason
from leash_addon.core.virtual_keys import PREFIX, Grant, grant_of
from leash_addon.errors import LeashError
from leash_addon.ledger import StoredKey
from leash_addon.proxy.base_urls import LOOPBACK
from leash_addon.proxy.credentials import exchange, is_signed, may_have_one, token_of
from leash_addon.proxy.doors import plain
from leash_addon.proxy.gate import UNAUTHORIZED, denied
from leash_addon.proxy.identify import is_imputed
from leash_addon.proxy.intake import Intake
from leash_addon.proxy.policy import Policy
from leash_addon.proxy.refusals import Denial
from leash_addon.proxy.seam import Swap
from leash_addon.proxy.sigv4 import SERVICE, read_pair, region_of, signed
from leash_addon.proxy.vault import unseal
from leash_addon.wire.routes import ProviderRule, Providers

logger = logging.getLogger(__name__)

UNAUTHENTICATED = 401
BY_NAME = frozenset({"transparent", "socks5", "local", "wireguard"})
"""Modes in which only the TLS hello tells the name of the server, whose certificate is then checked
against it. In the others that name is the listener's, and any client may choose it."""

NO_PAIR = (
    "this request is signed as AWS asks for, but its virtual key stands for no AWS key pair; store "
    "ACCESS_KEY_ID:SECRET_ACCESS_KEY behind it, or send it as a Bedrock API key (a bearer token)"
)
NO_REGION = "the region that this request is for is not known, so it cannot be signed"
NO_BEDROCK = "only requests to Bedrock are signed; this virtual key stands for an AWS key pair"


class Shelf(Protocol):
    """Where virtual keys are looked up."""

    async def find_key(self, token: str) -> StoredKey | None:
        """Return the row of an ``lsh_`` key. Raises ``LedgerError``."""


class Keys:
    """The virtual keys of one proxy's flows. ``master``: gets the master key when first needed."""

    def __init__(
        self,
        shelf: Shelf,
        providers: Providers,
        policy: Policy,
        *,
        master: Callable[[], bytes],
        clock: Callable[[], Instant],
    ) -> None:
        """Begin with no flow."""
        self._shelf, self._providers, self._policy = shelf, providers, policy
        self._master, self._clock = master, clock
        self._opened: bytes | None = None
        self._swaps: dict[str, Swap] = {}
        self._tokens: dict[str, str] = {}

    @property
    def swaps(self) -> Mapping[str, Swap]:
        """Return what the placeholders of flows stand for, by the flows' ids, now and later."""
        return self._swaps

    def charge(self, flow: HTTPFlow, intake: Intake, host: str, grant: Grant) -> None:
        """Charge a request to its virtual key: the key's name is its account.

        ``host``: the provider's, as the client meant it.
        """
        intake.grant = grant
        intake.tags = {**intake.tags, "key": grant.name}
        real = {"authorization": f"Bearer {self._swaps[flow.id].secret}"}
        intake.imputed = intake.imputed or is_imputed(host, real)

    def signs(self, flow: HTTPFlow) -> bool:
        """Tell whether a request is to be signed, which takes its whole body."""
        swap = self._swaps.get(flow.id)
        return swap is not None and swap.signs is not None

    def forget(self, flow: HTTPFlow) -> None:
        """Forget a flow that has ended."""
        self._swaps.pop(flow.id, None)
        self._tokens.pop(flow.id, None)

    async def again(self, flow: HTTPFlow, intake: Intake) -> Denial | None:
        """Judge the key of a connection anew, for one more call on it; renews what it allows."""
        token = self._tokens.get(flow.id)
        if token is None:
            return None
        stored = await self._shelf.find_key(token)
        if stored is None:
            return _denied("there is no such virtual key")
        why = stored.key.why_not(intake.rule.name, self._clock())
        if why is not None:
            return _denied(why)
        intake.grant = grant_of(stored.key, stored.stamp)
        return None

    async def judge(self, flow: HTTPFlow, intake: Intake | None) -> Denial | None:
        """Judge the virtual key of a request and charge the request to it; say why it is no good.

        ``intake``: ``None`` where the request is for nobody's host.
        """
        judged = await self.admit(flow, None if intake is None else intake.rule)
        if isinstance(judged, Denial) or intake is None:
            return judged if isinstance(judged, Denial) else None
        if judged is not None:
            self.charge(flow, intake, intake.host, judged)
        elif intake.must_have_key:
            return denied("no token was sent", UNAUTHORIZED)
        return None

    async def admit(self, flow: HTTPFlow, rule: ProviderRule | None) -> Grant | Denial | None:
        """Judge the virtual key of a request; ``None``: it has none.

        ``rule``: whose host the request is for. A good one is taken out of the flow.
        """
        if not may_have_one(flow.request):
            return None
        try:
            token = token_of(flow.request)
        except ValueError as error:
            return _denied(str(error))
        return None if token is None else await self._judge(flow, token, rule)

    async def _judge(self, flow: HTTPFlow, token: str, rule: ProviderRule | None) -> Grant | Denial:
        stored = await self._shelf.find_key(token)
        if stored is None:
            return _denied("there is no such virtual key")
        if rule is None:
            return _denied("a virtual key was sent to a host of no provider")
        why = stored.key.why_not(rule.name, self._clock()) or self._why_not_there(flow, rule)
        return await self._taken(flow, token, stored, rule) if why is None else _denied(why)

    async def _secret(self, stored: StoredKey) -> str:
        """Open a provider's key. A file or a keyring may keep us waiting, so no call asks twice."""
        opened = self._opened
        if opened is not None:
            try:
                return unseal(opened, stored.key.id, stored.key.providers, stored.sealed)
            except LeashError:
                pass  # the master key may be another by now
        self._opened = await asyncio.to_thread(self._master)
        return unseal(self._opened, stored.key.id, stored.key.providers, stored.sealed)

    async def _taken(
        self, flow: HTTPFlow, token: str, stored: StoredKey, rule: ProviderRule
    ) -> Grant | Denial:
        key = stored.key
        try:
            secret = await self._secret(stored)
        except LeashError as error:
            logger.error("the virtual key %s cannot be used: %s", key.name, error)  # noqa: TRY400
            message = f"leash cannot open the virtual key {key.name}; its log says why"
            return Denial(reason=Reason.AUTH.value, message=message, status=503)
        swap = swap_of(f"{PREFIX}{key.id}.hidden", secret, flow.request, rule, self._clock)
        if isinstance(swap, str):
            return _denied(swap)
        exchange(flow.request, token, swap.placeholder)
        self._tokens[flow.id] = token
        self._swaps[flow.id] = swap
        return grant_of(key, stored.stamp)

    def _why_not_there(self, flow: HTTPFlow, rule: ProviderRule) -> str | None:
        """Say why the provider's key may not go where this request goes.

        What decides is the address that is connected to, not what a header claims.
        """
        request = flow.request
        if self._policy.upstream or rule.upstream:
            return None  # the owner's own word
        host = plain(request.host)
        there = self._providers.find_host(f"{host}:{request.port}")
        by_name = flow.client_conn.proxy_mode.type_name in BY_NAME
        if there is None and by_name and flow.client_conn.sni and request.scheme == "https":
            there = self._providers.find_host(f"{plain(flow.client_conn.sni)}:{request.port}")
        if there is None or there.name != rule.name:
            return f"this request does not go to {rule.name}"
        if request.scheme != "https" and host.strip("[]") not in LOOPBACK:
            return "a virtual key goes over TLS only"
        return None


class Empty:
    """A shelf without a key."""

    async def find_key(self, token: str) -> StoredKey | None:  # noqa: ARG002
        """Find nothing."""
        return None


def swap_of(
    placeholder: str,
    secret: str,
    request: Request,
    rule: ProviderRule,
    clock: Callable[[], Instant],
) -> Swap | str:
    """Return how a provider's key gets into a request, or why it cannot."""
    pair = read_pair(secret)
    if pair is None:
        return NO_PAIR if is_signed(request) else Swap(placeholder=placeholder, secret=secret)
    if rule.name != SERVICE:
        return NO_BEDROCK
    region = region_of(request.headers.fields, plain(request.host))
    if region is None:
        return NO_REGION

    def sign(made: Request) -> None:
        made.headers.fields = signed(
            pair,
            method=made.method,
            target=made.path,
            fields=made.headers.fields,
            body=made.raw_content or b"",
            region=region,
            at=datetime.fromtimestamp(clock() / SECOND, UTC),
        )

    return Swap(placeholder=placeholder, secret=pair.secret, signs=sign)


def _denied(message: str) -> Denial:
    return Denial(reason=Reason.AUTH.value, message=message, status=UNAUTHENTICATED)
