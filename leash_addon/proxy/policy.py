"""What the proxy was told to do, as one frozen value."""

from dataclasses import dataclass, field
from typing import Self

from leash_addon.config.settings import Settings
from leash_addon.core.ask import OnBlind
from leash_addon.core.holds import Holds
from leash_addon.core.limits import NO_LIMITS, Limits
from leash_addon.core.loops import PLAIN, Looking
from leash_addon.wire.routes import Upgrade


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How calls are assigned, judged and sent on.

    ``run``: the one run that every call belongs to (``leash run``, which starts it); ``None``:
    ``Identity`` tells, and new runs are started with ``limits``. ``refusal``: status of every final
    refusal, ``None`` to choose by client. ``inject``: add ``include_usage`` to streamed chat calls
    that lack it. ``wait``: seconds that a call may wait for held money, a free place or a rate
    limit. ``holds``: what requests are looked over for. ``upstream``: one server in every
    provider's place; it wins over a provider's own. ``websocket``: what an upgrade meets where its
    provider says nothing. ``cut``: end answers that run when a kill or a hard limit comes.
    ``looking``: how tool calls are compared. ``names``: further host names of this listener, for
    base-URL clients. ``processes``: callers are our own descendants, and told apart. ``max_runs``:
    so many runs are kept in memory.
    """

    run: str | None = None
    limits: Limits = NO_LIMITS
    on_blind: OnBlind = OnBlind.REFUSE
    refusal: int | None = None
    inject: bool = True
    wait: float = 5.0
    holds: Holds = field(default_factory=Holds)
    upstream: str | None = None
    websocket: Upgrade = Upgrade.METER
    cut: bool = False
    looking: Looking = PLAIN
    names: tuple[str, ...] = ()
    prices: str = ""
    processes: bool = False
    max_runs: int = 10_000

    @classmethod
    def of(cls, settings: Settings, *, run: str | None = None, prices: str = "") -> Self:
        """Take what the settings say; ``run`` as above, ``prices`` names the tables in use."""
        return cls(
            run=run,
            limits=settings.limits,
            on_blind=settings.on_blind,
            refusal=settings.refusal,
            inject=not settings.no_inject,
            wait=float(settings.holds.wait),
            holds=settings.holds,
            upstream=settings.upstream,
            websocket=settings.websocket,
            cut=settings.cut,
            looking=settings.looking,
            prices=prices,
            max_runs=settings.max_runs,
        )
