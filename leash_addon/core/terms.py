"""What is configured beside a run's own limits, and what of it one call concerns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from msgspec import Struct

from leash_addon.core.ask import Ask
from leash_addon.core.caps import NO_WINDOWS, Cap, CapAccount, accounts_for
from leash_addon.core.holds import Holds
from leash_addon.core.money import Instant
from leash_addon.core.rate_limits import Drawn, RateLimit, buckets_for
from leash_addon.core.windows import Window, WindowKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Caps, rate limits and how money is held. ``tz``: the zone of the calendar windows."""

    caps: tuple[Cap, ...] = ()
    rates: tuple[RateLimit, ...] = ()
    holds: Holds = field(default_factory=Holds)
    tz: tzinfo = UTC


NO_TERMS = Terms()


class Plan(Struct, frozen=True, kw_only=True):
    """What one call is charged to: its run's account, its caps', and the buckets it draws from.

    ``accounts``: the key of every account, each once, the run's first.
    """

    run: str
    accounts: tuple[str, ...]
    caps: tuple[CapAccount, ...] = ()
    buckets: tuple[Drawn, ...] = ()

    @property
    def windows(self) -> Mapping[WindowKind, Window]:
        """Return the windows that the accounts are of."""
        return {account.window.kind: account.window for account in self.caps}


def plan(ask: Ask, terms: Terms, run_account: str, now: Instant, last: Plan | None = None) -> Plan:
    """Say which accounts and buckets a call concerns.

    ``run_account``: the key of its run's. ``last``: any plan of the same terms made before: its
    windows serve again while they last, since to work them out takes most of the time.
    """
    known = NO_WINDOWS if last is None else last.windows
    wanted = terms.caps if ask.grant is None else (*terms.caps, *ask.grant.caps)
    caps = accounts_for(wanted, ask.tags, now, terms.tz, known)
    return Plan(
        run=run_account,
        accounts=tuple(dict.fromkeys((run_account, *(account.key for account in caps)))),
        caps=caps,
        buckets=buckets_for(terms.rates, ask.tags),
    )
