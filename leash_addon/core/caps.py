"""Caps: ceilings on what the calls of a scope may spend, make or use in a calendar window.

Every cap that concerns a call has an account of its own for the values of its scopes and the
window; the call is charged to all of them at once. A cap refuses a call, or lets it pass and says
so (``alert``), or refuses and says so (``both``). It never ends a run: what is over tomorrow is no
reason to stop for good.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct

from leash_addon.core.balance import Balance
from leash_addon.core.limits import Ceiling
from leash_addon.core.money import Instant, Pico
from leash_addon.core.scopes import Tags, Target, joined, label, pairs
from leash_addon.core.windows import Window, WindowKind, window_at

NO_WINDOWS: Mapping[WindowKind, Window] = MappingProxyType({})


class Action(StrEnum):
    """What a cap does once it is reached."""

    REFUSE = "refuse"
    ALERT = "alert"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """One ceiling. ``warn_at``: fractions of it, in thousandths, that are recorded when reached.

    ``count_imputed``: whether money that a subscription covers counts. ``refuses``: whether a call
    beyond it is refused. ``fractions``: thousandths of the ceiling that are recorded when reached.
    Raises ``ValueError`` when it limits nothing.
    """

    target: Target = field(default_factory=Target)
    window: WindowKind = WindowKind.TOTAL
    ceiling: Ceiling
    action: Action = Action.REFUSE
    warn_at: tuple[int, ...] = ()
    count_imputed: bool = False
    refuses: bool = field(init=False, compare=False, repr=False, default=True)
    fractions: tuple[int, ...] = field(init=False, compare=False, repr=False, default=())

    def __post_init__(self) -> None:
        """Refuse a cap that limits nothing."""
        if self.ceiling == Ceiling():
            msg = "it limits nothing; give max_cost, max_calls or max_tokens"
            raise ValueError(msg)
        warn_at = tuple(sorted(self.warn_at))
        object.__setattr__(self, "warn_at", warn_at)
        object.__setattr__(self, "refuses", self.action is not Action.ALERT)
        whole = () if self.action is Action.REFUSE else (1_000,)
        object.__setattr__(self, "fractions", (*warn_at, *whole))

    @property
    def ident(self) -> str:
        """Name the cap in the keys of its accounts, whatever their values: ``user|day``."""
        return joined("cap", ",".join(self.target.per), self.target.pattern, self.window)


class CapAccount(Struct, frozen=True, kw_only=True):
    """A cap's account for one set of values and one window.

    Without a moment (read back from a key) its window has no start or end.
    """

    cap: Cap
    key: str
    window: Window

    @property
    def label(self) -> str:
        """Name whose account it is, for people."""
        return label(self.key.partition(":")[2].partition("|")[0], self.cap.target.pattern)

    def ceiling(self, balance: Balance) -> Ceiling:
        """Return what the account allows: its cap, or what someone raised it to."""
        return self.cap.ceiling.raised(balance.ceiling)

    def spent(self, balance: Balance) -> Pico:
        """Return the money that counts."""
        return Pico(balance.spent + (balance.imputed if self.cap.count_imputed else 0))

    def held(self, balance: Balance) -> Pico:
        """Return the held money that may come to count."""
        return Pico(balance.held - (0 if self.cap.count_imputed else balance.held_imputed))


def accounts_for(
    caps: Iterable[Cap],
    tags: Tags,
    now: Instant,
    tz: tzinfo,
    known: Mapping[WindowKind, Window] = NO_WINDOWS,
) -> tuple[CapAccount, ...]:
    """Return the accounts that a call is charged to, in the order of their caps.

    ``known``: windows of this zone that were worked out before, used where they hold ``now``.
    """
    windows = {kind: window for kind, window in known.items() if window.holds(now)}
    found: list[CapAccount] = []
    for cap in caps:
        if not cap.target.concerns(tags):
            continue
        if cap.window not in windows:
            windows[cap.window] = window_at(cap.window, now, tz)
        window, scopes = windows[cap.window], cap.target.key(tags)
        key = joined("cap", scopes, cap.target.pattern, window.key)
        found.append(CapAccount(cap=cap, key=key, window=window))
    return tuple(found)


def accounts_at(caps: Iterable[Cap], key: str) -> tuple[CapAccount, ...]:
    """Return the accounts with this key: what a stored key means under the caps of today."""
    parts = _parts(key)
    if parts is None:
        return ()
    scopes, pattern, window = parts
    per = ",".join(name for name, _ in pairs(scopes, "=")) or scopes
    ident = joined("cap", per, pattern, window.kind)
    return tuple(CapAccount(cap=cap, key=key, window=window) for cap in caps if cap.ident == ident)


def _parts(key: str) -> tuple[str, str, Window] | None:
    kind, _, rest = key.partition(":")
    scopes, *middle, window = rest.split("|") if "|" in rest else (rest, "")
    if kind != "cap" or len(middle) > 1:
        return None
    try:
        span = Window(kind=WindowKind(window.partition(":")[0]), key=window)
    except ValueError:
        return None
    return scopes, middle[0] if middle else "", span
