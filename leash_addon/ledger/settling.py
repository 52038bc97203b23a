"""A call ends, exactly once, whatever ended it.

A hold is replaced by what the call did cost. A hold whose owner died is settled at its own
amount (swept); when the true end comes after all (a laptop that slept, a stopped process), one
adjusting entry books the difference. Anything that comes twice is ignored.
"""

import logging
from collections.abc import Sequence

from leash_addon.core.after import stop_after
from leash_addon.core.journal import CallOpened, CallSettled, Screened
from leash_addon.core.money import Instant
from leash_addon.core.reading import Outcome
from leash_addon.ledger.admission import MOST_FOUND, warn
from leash_addon.ledger.books import Books, run_account
from leash_addon.ledger.charging import Charging, correct_buckets
from leash_addon.ledger.settlement import (
    Settlement,
    adjusted,
    billed_already,
    says_tokens,
    settled,
    swept,
)

_log = logging.getLogger(__name__)


def settle(books: Books, charging: Charging, end: Settlement) -> None:
    """Book the end of one call. The caller holds the write lock and commits."""
    opened = books.opened(end.call)
    if opened is None or not books.store.let_go(end.call):
        _settle_late(books, charging, end)
        return
    entry = _entry(books, opened, end)
    books.record(entry)
    if end.found:
        books.record(_screened(opened, end))
    if says_tokens(end):
        correct_buckets(books, opened, entry.tokens, end.at)
    balance = books.find(run_account(entry.run))
    if balance is not None:
        stop = stop_after(entry, balance, end.on_blind, capped=opened.capped)
        if stop is not None:
            books.record(stop)
    warn(books, entry.run, end.at)
    charging.warn(books, opened, end.at)


def _screened(opened: CallOpened, end: Settlement) -> Screened:
    return Screened(
        run=opened.run,
        at=end.at,
        of=opened.call,
        found=end.found[:MOST_FOUND],
        more=max(0, len(end.found) - MOST_FOUND),
        provider=opened.provider,
        model=end.model or opened.model,
        client=opened.client,
    )


def _entry(books: Books, opened: CallOpened, end: Settlement) -> CallSettled:
    """Bill a stored answer once: whoever fetches it again has had it paid already."""
    if end.response_id is None or not end.usage:
        return settled(opened, end)
    if books.store.pay(end.response_id, end.call) or end.first_hand:
        return settled(opened, end)
    return billed_already(opened, end)


def _settle_late(books: Books, charging: Charging, end: Settlement) -> None:
    body = books.store.settled(end.call)
    if body is None:
        if end.outcome is not Outcome.UNSENT:
            _log.warning("call %s ended, but this ledger never opened it", end.call)
        return
    booked = books.codec.entry(body)
    if not isinstance(booked, CallSettled) or booked.outcome is not Outcome.SWEPT:
        return
    if books.store.adjusted(end.call):
        return
    entry = adjusted(booked, end)
    books.record(entry)
    warn(books, entry.run, end.at)
    opened = books.opened(end.call)
    if opened is None:
        return
    if says_tokens(end):
        correct_buckets(books, opened, end.tokens, end.at)
    charging.warn(books, opened, end.at)


def sweep_owners(books: Books, owners: Sequence[str], now: Instant) -> None:
    """Settle every hold of these owners at its amount, and forget the owners."""
    for owner in owners:
        for body in books.store.holds_of(owner):
            opened = books.codec.entry(body)
            if isinstance(opened, CallOpened) and books.store.let_go(opened.call):
                books.record(swept(opened, now))
        books.store.forget(owner)
