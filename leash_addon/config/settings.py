"""Everything that may be configured, as one frozen value; and the table of its keys.

A key has one name everywhere: ``max_inflight`` in ``leash.toml`` is ``--max-inflight`` as a flag,
``LEASH_MAX_INFLIGHT`` as a variable and ``leash_max_inflight`` as an option of mitmproxy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from leash_addon.config import sources, values
from leash_addon.config.key import Key
from leash_addon.config.reachable import Network, Passthrough
from leash_addon.config.screening import Level, ScreeningSettings
from leash_addon.config.serving import SERVING_KEYS
from leash_addon.config.tokens import Grant
from leash_addon.core.ask import OnBlind
from leash_addon.core.caps import Cap
from leash_addon.core.database_url import DatabaseUrl
from leash_addon.core.holds import HoldMode, Holds
from leash_addon.core.limits import NO_LIMITS, Limits
from leash_addon.core.loops import Looking
from leash_addon.core.rate_limits import RateLimit
from leash_addon.core.terms import Terms
from leash_addon.wire.routes import Upgrade

__all__ = ["KEYS", "LIMITING", "LIMIT_KEYS", "PATHS", "Key", "Settings"]

MAX_BODY = 100 * 1024 * 1024
"""Bytes of a call's body, unless somebody says otherwise."""

NO_PROVIDERS: Mapping[str, Mapping[str, object]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user asked for, all layers merged.

    ``home``: leash's own folder (``~/.leash``). ``prices``: the user's price table.
    ``refusal``: status of a final refusal, ``None`` to choose by client. ``upstream``: a server
    that takes every governed call in the providers' place. ``providers``: the tables
    ``[providers.NAME]`` as written, not yet checked. ``given``: names of the keys that somebody
    set, so that a default is told from a wish. ``files``: configuration files read, weakest first.
    ``passthrough``: ``None`` leaves it to the command. ``tokens``: who may use a shared proxy.
    ``config``: where the user's file is, or would be. ``head_timeout`` and the like: seconds, 0 for
    ever. ``max_connections``: ``None`` leaves it to the system's limits.
    """

    home: Path
    db: Path | DatabaseUrl
    prices: Path | None = None
    on_blind: OnBlind = OnBlind.REFUSE
    refusal: int | None = None
    upstream: str | None = None
    no_inject: bool = False
    websocket: Upgrade = Upgrade.METER
    cut: bool = False
    stall_mask: bool = False
    stall_exempt: tuple[str, ...] = ()
    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    limits: Limits = NO_LIMITS
    holds: Holds = field(default_factory=Holds)
    caps: tuple[Cap, ...] = ()
    rates: tuple[RateLimit, ...] = ()
    screening: ScreeningSettings = field(default_factory=ScreeningSettings)
    providers: Mapping[str, Mapping[str, object]] = field(default_factory=lambda: NO_PROVIDERS)
    passthrough: Passthrough | None = None
    connect_ports: tuple[int, ...] = (443,)
    allow_private: tuple[Network | str, ...] = ()
    trusted_balancers: tuple[Network, ...] = ()
    transparent_clients: tuple[Network, ...] = ()
    run_from: tuple[str, ...] = sources.RUN_FROM
    user_from: tuple[str, ...] = sources.USER_FROM
    feature_from: tuple[str, ...] = sources.FEATURE_FROM
    tenant_from: tuple[str, ...] = sources.TENANT_FROM
    require_run_id: bool = False
    max_runs: int = 10_000
    max_body: int = MAX_BODY
    head_timeout: int = 30
    body_timeout: int = 60
    idle_timeout: int = 300
    max_connections: int | None = None
    max_connections_per_ip: int | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tokens: tuple[Grant, ...] = ()
    given: frozenset[str] = frozenset()
    files: tuple[Path, ...] = ()
    config: Path | None = field(default=None, compare=False)

    @property
    def looking(self) -> Looking:
        """Return how tool calls are compared for ``stall``."""
        return Looking(mask=self.stall_mask, exempt=frozenset(self.stall_exempt))

    @property
    def terms(self) -> Terms:
        """Return what holds beside the limits of single runs."""
        return Terms(caps=self.caps, rates=self.rates, holds=self.holds, tz=self.timezone)

    @property
    def limits_given(self) -> frozenset[str]:
        """Name the limits that somebody set, also to zero; what only tunes them does not count."""
        return self.given & LIMITING


def _limit(name: str, read: Callable[[object], object], example: str, about: str) -> Key:
    return Key(name=name, read=read, section="limits", example=example, about=about)


LIMIT_KEYS = (
    _limit("max_cost", values.money, "5.00", "stop the run at this many dollars"),
    _limit("max_cost_per_call", values.money, "0.50", "refuse a call expected to cost more"),
    _limit("max_calls", values.count, "200", "stop the run after so many calls"),
    _limit("max_inflight", values.count, "4", "let so many calls be open at once"),
    _limit("deadline", values.span, "15m", "stop the run so long after its first call"),
    _limit("rate", values.rate, "100000/1m", "let so many tokens pass in a trailing window"),
    _limit("stall", values.count, "4", "stop the run after so many identical replies in a row"),
    _limit("compute_rate", values.money, "4.00", "charge dollars per hour since the first call"),
    _limit("warn_at", values.thousandths, "0.8", "warn once at this fraction of a limit"),
    _limit("count_imputed", values.flag, "false", "count what a subscription covers as money"),
)

KEYS = (
    Key(
        name="db",
        read=values.text,
        example="~/.leash/leash.db",
        about="the ledger: a file, or postgresql://USER@HOST/DATABASE",
    ),
    Key(name="prices", read=values.text, example="prices.toml", about="your own price table"),
    Key(
        name="on_blind",
        read=values.choice(OnBlind),
        example="refuse",
        about="what an unpriceable call meets under a dollar limit: refuse, warn or allow",
    ),
    Key(
        name="refusal",
        read=values.refusal,
        example="auto",
        about="status of a final refusal: auto (by client), 429, 400, 402 or 403",
    ),
    Key(
        name="upstream",
        read=values.url,
        example="http://127.0.0.1:9099",
        about="send every governed call to this server instead of its provider",
    ),
    Key(
        name="no_inject",
        read=values.flag,
        example="false",
        about="never add stream_options.include_usage to a streamed chat call",
    ),
    Key(
        name="websocket",
        read=values.choice(Upgrade),
        example="meter",
        about="what a WebSocket to a provider meets: meter, downgrade (426) or refuse",
    ),
    Key(
        name="cut",
        read=values.flag,
        example="false",
        about="end answers that still run when a kill, the deadline or the budget comes",
    ),
    Key(
        name="stall_mask",
        read=values.flag,
        example="false",
        about="take tool calls for the same whose numbers, times and ids alone differ (stall)",
    ),
    Key(
        name="stall_exempt",
        read=values.words,
        example="wait,poll",
        about="tools that may be called the same way again and again (stall), by comma",
    ),
    Key(
        name="timezone",
        read=values.timezone,
        example="UTC",
        about="zone of the days, weeks and months of caps",
    ),
    *SERVING_KEYS,
    *LIMIT_KEYS,
    Key(
        name="mode",
        read=values.choice(HoldMode),
        section="holds",
        example="expected",
        about="hold what a call will probably cost, the most it can (hard), or nothing (settled)",
    ),
    Key(
        name="clamp",
        read=values.flag,
        section="holds",
        example="false",
        about="lower a request's own output limit to what is left",
    ),
    Key(
        name="wait",
        read=values.span,
        section="holds",
        example="5s",
        about="let a call wait so long for held money before it is refused",
    ),
    Key(
        name="max_output",
        read=values.positive,
        section="holds",
        example="128000",
        about="take so many output tokens for a request that names no limit (hard, clamp)",
    ),
    Key(
        name="sensitivity",
        read=values.choice(Level),
        section="screening",
        example="medium",
        about="screen texts for injected instructions: off, low, medium or high",
    ),
)

LIMITING = frozenset(
    {
        "max_cost",
        "max_cost_per_call",
        "max_calls",
        "max_inflight",
        "deadline",
        "rate",
        "stall",
    }
)
"""Limits that can refuse a call; a compute rate or a warning alone bounds nothing."""

PATHS = frozenset({"db", "prices", "tls_cert", "tls_key"})
