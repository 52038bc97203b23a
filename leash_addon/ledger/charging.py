"""What one process charges calls to: its terms, and the windows that it worked out last."""

from collections.abc import Sequence

from leash_addon.core.ask import Ask
from leash_addon.core.balance import EMPTY
from leash_addon.core.buckets import correct
from leash_addon.core.cap_trips import due
from leash_addon.core.caps import CapAccount, accounts_at
from leash_addon.core.journal import CallOpened, Tokens
from leash_addon.core.money import Instant
from leash_addon.core.rate_limits import bucket_at
from leash_addon.core.terms import Plan, Terms, plan
from leash_addon.ledger.books import Books, run_account
from leash_addon.ledger.settlement import Settlement
from leash_addon.ledger.store import Footprint, Query

REMEMBERED = 1_000
"""Plans, and accounts that may warn, that are kept: a process deals with few callers at a time."""


class Charging:
    """The terms of a ledger's process, and what was worked out from them last.

    Working out which accounts a call concerns takes longer than deciding over them, and callers
    come back. No plan outlives its windows.
    """

    __slots__ = ("_last", "_plans", "_warning", "terms")

    def __init__(self, terms: Terms) -> None:
        """Begin without a window."""
        self.take(terms)

    def take(self, terms: Terms) -> None:
        """Charge calls to these terms from now on; whoever works with the ledger calls it."""
        self.terms = terms
        self._last: Plan | None = None
        self._plans: dict[tuple[object, ...], Plan] = {}
        self._warning: dict[str, tuple[CapAccount, ...]] = {}

    def plan(self, ask: Ask, run_account: str, now: Instant) -> Plan:
        """Say which accounts and buckets a call concerns."""
        stamp = "" if ask.grant is None else ask.grant.stamp
        caller = (run_account, stamp, *ask.tags.items())
        known = self._plans.get(caller)
        if known is None or not all(one.window.holds(now) for one in known.caps):
            known = self._last = plan(ask, self.terms, run_account, now, last=self._last)
            self._plans = _with(self._plans, caller, known)
        return known

    def footprint(self, ends: Sequence[Settlement], asks: Sequence[Ask], now: Instant) -> Footprint:
        """Say what a transaction over these will touch."""
        plans = [self.plan(ask, run_account(ask.run), now) for ask in asks]
        return Footprint(
            accounts=tuple(key for planned in plans for key in planned.accounts),
            fresh=tuple(account.key for planned in plans for account in planned.caps),
            buckets=tuple(drawn.key for planned in plans for drawn in planned.buckets),
            opens=tuple(ask.call for ask in asks),
            ends=tuple(ends),
        )

    def warn(self, books: Books, opened: CallOpened, now: Instant) -> None:
        """Record what the caps that a call was charged to have reached."""
        for key in opened.accounts:
            for account in self._warns(key):
                balance = books.find(key) or EMPTY
                for warned in due(account, balance, run=opened.run, now=now):
                    books.record(warned)

    def _warns(self, key: str) -> tuple[CapAccount, ...]:
        """Return the accounts of caps under a key that warn at all."""
        known = self._warning.get(key)
        if known is None:
            known = tuple(one for one in accounts_at(self.terms.caps, key) if one.cap.fractions)
            self._warning = _with(self._warning, key, known)
        return known


def _with[K, V](known: dict[K, V], key: K, value: V) -> dict[K, V]:
    """Remember one more thing, or begin anew where there are too many."""
    if len(known) >= REMEMBERED:
        return {key: value}
    known[key] = value
    return known


def correct_buckets(books: Books, opened: CallOpened, tokens: Tokens, now: Instant) -> None:
    """Replace the tokens that a call was estimated at by those that it used."""
    used = tokens.input + tokens.output
    for key in sorted(opened.buckets):
        bucket = bucket_at(key)
        if bucket is not None:
            state = books.bucket(key)
            books.fill(key, correct(bucket, state, now, taken=opened.bucket_tokens, used=used))


def has_full_bucket(query: Query, now: Instant) -> bool:
    """Tell whether a bucket is kept that is full again: no row would mean the same."""
    return bool(query("SELECT 1 FROM buckets WHERE at < ? LIMIT 1", (now,)))
