"""Who gets in, under which name, and how far out: everything that a shared proxy adds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from mitmproxy.http import HTTPFlow

from leash_addon.config.settings import Settings
from leash_addon.core.money import Instant
from leash_addon.proxy.balancers import Balancers
from leash_addon.proxy.clients import Clients
from leash_addon.proxy.connections import Connections
from leash_addon.proxy.coverage import Coverage
from leash_addon.proxy.entrance import Entrance
from leash_addon.proxy.front import Front
from leash_addon.proxy.gate import Gate
from leash_addon.proxy.governor import Governor
from leash_addon.proxy.identity import Identity
from leash_addon.proxy.intake import Intake, Reception
from leash_addon.proxy.outbound import Outbound
from leash_addon.proxy.reach import Reach
from leash_addon.proxy.refusals import Denial
from leash_addon.proxy.sockets import Again
from leash_addon.wire.routes import Providers


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What the addon needs to know of its visitors. The default is open to everybody.

    ``root_pem``: the authority that clients are to trust, empty when it is mitmproxy's own.
    ``tls``: the listener speaks TLS.
    """

    entrance: Entrance = field(default_factory=Entrance)
    identity: Identity = field(default_factory=Identity)
    reach: Reach = field(default_factory=lambda: Reach(providers=Providers()))
    root_pem: bytes = b""
    tls: bool = False

    def connections(self, providers: Providers, coverage: Coverage) -> Connections:
        """Make what decides over connections."""
        return Connections(providers, coverage, self.entrance, self.reach, tls=self.tls)

    def addons(self, connections: Connections) -> list[object]:
        """Name the sub-addons that stand before and behind the calls, in order."""
        front = Front(self.entrance.balancers, tls=self.tls)
        return [front, connections, Outbound(self.reach)]

    def reception(self, providers: Providers, clients: Clients, governor: Governor) -> Reception:
        """Make what takes requests in."""
        return Reception(
            providers=providers,
            clients=clients,
            policy=governor.policy,
            hashed=governor.hashed,
            entrance=self.entrance,
            identity=self.identity,
            reach=self.reach,
            root_pem=self.root_pem,
        )

    def again(self, key: Again) -> Again:
        """Make what judges a caller at each turn of a WebSocket. ``key``: judges virtual keys."""

        async def judged(flow: HTTPFlow, intake: Intake) -> Denial | None:
            return self.entrance.again(intake.seen.grant) or await key(flow, intake)

        return judged

    @classmethod
    def of(
        cls,
        settings: Settings,
        providers: Providers,
        *,
        clock: Callable[[], Instant],
        run: str | None = None,
        shared: bool = False,
        child: bool = False,
        root_pem: bytes = b"",
    ) -> Self:
        """Take what the settings say. ``run``: the one run that every call belongs to.

        ``shared``: it is a proxy for others. ``child``: it is for a child of ours, which is let in.
        """
        asks = bool(settings.tokens) and not child
        return cls(
            entrance=Entrance(
                gate=Gate(settings.tokens, clock) if asks else None,
                balancers=Balancers(settings.trusted_balancers),
                redirected=settings.transparent_clients,
            ),
            identity=Identity.of(settings, fixed=run),
            reach=Reach.of(settings, providers, shared=shared),
            root_pem=root_pem,
            tls=settings.tls_cert is not None,
        )
