"""A call ends, exactly once, whatever ended it.

A hold is replaced by what the call did cost. A hold whose owner died is settled at its own
amount (swept); when the true end comes after all (a laptop that slept, a stopped process), one
adjusting entry books the difference. Anything that comes twice is ignored.
"""

import logging
from collections.abc import Sequence

from leash_addon.core.after import stop_after
from leash_addon.core.journal import CallOpened, CallSettled
from leash_addon.core.money import Instant
from leash_addon.core.reading import Outcome
from leash_addon.ledger.admission import warn
from leash_addon.ledger.books import Books, run_account
from leash_addon.ledger.charging import Charging, correct_buckets
from leash_addon.ledger.settlement import Settlement, adjusted, billed_already, settled, swept

_log = logging.getLogger(__name__)

_HELD = "SELECT body FROM holds JOIN journal ON journal.seq = holds.seq WHERE holds.call = ?"
_OF_OWNER = (
    "SELECT body FROM holds JOIN journal ON journal.seq = holds.seq "
    "WHERE holds.owner = ? ORDER BY holds.seq"
)
_LET_GO = "DELETE FROM holds WHERE call = ?"
_SETTLED = "SELECT body FROM journal WHERE call = ? AND kind = 'call_settled'"
_ADJUSTED = "SELECT 1 FROM journal WHERE call = ? AND kind = 'call_adjusted'"
_PAY = "INSERT INTO responses (response, call) VALUES (?, ?) ON CONFLICT DO NOTHING"


def settle(books: Books, charging: Charging, end: Settlement) -> None:
    """Book the end of one call. The caller holds the write lock and commits."""
    opened = _opened(books, end.call)
    if opened is None or not books.conn.execute(_LET_GO, (end.call,)).rowcount:
        _settle_late(books, end)
        return
    entry = _entry(books, opened, end)
    books.record(entry)
    if opened.buckets and (entry.usage or entry.outcome is Outcome.UNSENT):
        correct_buckets(books, opened, entry.tokens.input + entry.tokens.output, end.at)
    balance = books.find(run_account(entry.run))
    if balance is not None:
        stop = stop_after(entry, balance, end.on_blind, capped=opened.capped)
        if stop is not None:
            books.record(stop)
    warn(books, entry.run, end.at)
    charging.warn(books, opened, end.at)


def _opened(books: Books, call: str) -> CallOpened | None:
    """Return how a call was opened, from memory where this process opened it."""
    known = books.codec.opened.get(call)
    if known is not None:
        return known
    row = books.conn.execute(_HELD, (call,)).fetchone()
    entry = None if row is None else books.codec.entry(row[0])
    return entry if isinstance(entry, CallOpened) else None


def _entry(books: Books, opened: CallOpened, end: Settlement) -> CallSettled:
    """Bill a stored answer once: whoever fetches it again has had it paid already."""
    if end.response_id is None or not end.usage:
        return settled(opened, end)
    is_new = books.conn.execute(_PAY, (end.response_id, end.call)).rowcount
    return settled(opened, end) if is_new or end.first_hand else billed_already(opened, end)


def _settle_late(books: Books, end: Settlement) -> None:
    row = books.conn.execute(_SETTLED, (end.call,)).fetchone()
    if row is None:
        _log.warning("call %s ended, but this ledger never opened it", end.call)
        return
    booked = books.codec.entry(row[0])
    if not isinstance(booked, CallSettled) or booked.outcome is not Outcome.SWEPT:
        return
    if books.conn.execute(_ADJUSTED, (end.call,)).fetchone() is not None:
        return
    entry = adjusted(booked, end)
    books.record(entry)
    warn(books, entry.run, end.at)


def sweep_owners(books: Books, owners: Sequence[str], now: Instant) -> None:
    """Settle every hold of these owners at its amount, and forget the owners."""
    for owner in owners:
        for (body,) in books.conn.execute(_OF_OWNER, (owner,)).fetchall():
            opened = books.codec.entry(body)
            if isinstance(opened, CallOpened):
                books.conn.execute(_LET_GO, (opened.call,))
                books.record(swept(opened, now))
        books.conn.execute("DELETE FROM owners WHERE id = ?", (owner,))
