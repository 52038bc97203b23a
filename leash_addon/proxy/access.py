"""Who gets in, under which name, and how far out: everything that a shared proxy adds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from leash_addon.config.settings import Settings
from leash_addon.core.money import Instant
from leash_addon.proxy.balancers import Balancers
from leash_addon.proxy.entrance import Entrance
from leash_addon.proxy.gate import Gate
from leash_addon.proxy.identity import Identity
from leash_addon.proxy.reach import Reach
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

    @classmethod
    def of(
        cls,
        settings: Settings,
        providers: Providers,
        *,
        clock: Callable[[], Instant],
        run: str | None = None,
        shared: bool = False,
        root_pem: bytes = b"",
    ) -> Self:
        """Take what the settings say. ``run``: the one run of ``leash run``, whose child is let in.

        ``shared``: others than that child may come.
        """
        asks = bool(settings.tokens) and run is None
        return cls(
            entrance=Entrance(
                gate=Gate(settings.tokens, clock) if asks else None,
                balancers=Balancers(settings.trusted_balancers),
            ),
            identity=Identity.of(settings, fixed=run),
            reach=Reach.of(settings, providers, shared=shared),
            root_pem=root_pem,
            tls=settings.tls_cert is not None,
        )
