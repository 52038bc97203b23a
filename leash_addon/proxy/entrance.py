"""How a request gets in: from which address, with which token, under which name.

A CONNECT or a SOCKS greeting is let in once; what comes inside it is looked at again with what was
presented there, unless it presents something of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mitmproxy.connection import Client

from leash_addon.config.reachable import Network
from leash_addon.config.tokens import Grant, digest_of
from leash_addon.proxy.balancers import Balancers
from leash_addon.proxy.gate import UNAUTHORIZED, Gate, denied
from leash_addon.proxy.presented import NO_USER, Presented, ProxyUser, presented
from leash_addon.proxy.redirected import BY_NETWORK, may_come
from leash_addon.proxy.refusals import Denial

BY_KEY = Grant(name="a virtual key", digest=b"", tags={})
"""Who comes with a virtual key alone may say which run it is."""

GONE = "the token has expired or was withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Whoever was let in. ``grant``: ``None`` where nobody is asked. ``digest``: of its token."""

    ip: str = ""
    user: ProxyUser = NO_USER
    grant: Grant | None = None
    digest: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Lets visitors in. ``gate``: ``None`` asks nobody. ``balancers``: who speaks for others.

    ``redirected``: networks whose clients need no token where a firewall sends them to us.
    """

    gate: Gate | None = None
    balancers: Balancers = field(default_factory=Balancers)
    redirected: Sequence[Network] = ()

    def meet(self, client: Client) -> Visitor | None:
        """Let a connection in for what it is, before it has said a word."""
        if self.gate is None or not may_come(client, self.redirected):
            return None
        return Visitor(ip=str(client.peername[0]), grant=BY_NETWORK)

    def let_in(
        self,
        headers: Mapping[str, str],
        peer: str,
        *,
        status: int,
        earlier: Visitor | None = None,
    ) -> Visitor | Denial:
        """Let a request in, or say why not. ``headers``: names in lower case.

        ``peer``: the address at the other end. ``status``: of a refusal for want of a token.
        ``earlier``: who opened the connection that it comes through.
        """
        ip = earlier.ip if earlier else peer
        return self.admit(
            presented(headers),
            self.balancers.client_of(ip, headers),
            status=status,
            earlier=earlier,
        )

    def by_key(self, headers: Mapping[str, str], peer: str) -> Visitor | None:
        """Let a request in that presents no token, for the virtual key that it must prove to have.

        Its bearer may name runs, and nothing else. ``None``: it presented a token, a wrong one.
        """
        shown = presented(headers)
        if shown.token is not None:
            return None
        ip = self.balancers.client_of(peer, headers)
        return Visitor(ip=ip, user=shown.user, grant=BY_KEY)

    def again(self, grant: Grant | None) -> Denial | None:
        """Judge somebody anew who was let in: a connection may outlive its token."""
        if self.gate is None or grant is None or grant is BY_KEY or grant is BY_NETWORK:
            return None
        return None if self.gate.find(grant.digest) is not None else denied(GONE, UNAUTHORIZED)

    def admit(
        self, shown: Presented, ip: str, *, status: int, earlier: Visitor | None = None
    ) -> Visitor | Denial:
        """Let somebody in from an address, who presents this."""
        user = shown.user
        if user is NO_USER and earlier is not None:
            user = earlier.user
        if self.gate is None:
            return Visitor(ip=ip, user=user)
        if shown.token is None and earlier is not None and earlier.grant is BY_NETWORK:
            return Visitor(ip=ip, user=user, grant=BY_NETWORK)
        if shown.token is None and earlier is not None and earlier.digest is not None:
            grant = self.gate.find(earlier.digest)
            if grant is None:
                return denied(GONE, status)
            return Visitor(ip=ip, user=user, grant=grant, digest=earlier.digest)
        found = self.gate.enter(shown.token, ip, status=status)
        if isinstance(found, Denial):
            return found
        return Visitor(ip=ip, user=user, grant=found, digest=digest_of(shown.token or b""))
