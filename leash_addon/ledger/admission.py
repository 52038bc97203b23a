"""One call asks to go: the core decides, the books record what it decided.

What is journaled of refusals keeps a retry storm from growing the journal: a refusal that repeats
the run's newest entry is not written again, and a run that was stopped already writes at most
one, its first (so that ``refused_at`` is right for a run that was killed). A caller that waits
for held money and asks again (``patient``) has not been refused yet.
"""

from leash_addon.core.admission import Stand, decide_all, opened
from leash_addon.core.after import warnings
from leash_addon.core.ask import Ask
from leash_addon.core.balance import Balance
from leash_addon.core.journal import CallRefused, RunStopped, Screened
from leash_addon.core.money import Instant
from leash_addon.core.terms import Plan
from leash_addon.core.verdict import Allow, Effect, Trip, Verdict
from leash_addon.errors import LedgerError
from leash_addon.ledger.books import Books, run_account
from leash_addon.ledger.charging import Charging

MOST_FOUND = 64
"""Rules that fired on one call that are put on record one by one; the others are counted."""


def admit(books: Books, charging: Charging, ask: Ask, owner: str, now: Instant) -> Verdict:
    """Decide one call and record it. The caller holds the write lock and commits."""
    account = run_account(ask.run)
    balance = books.find(account)
    if balance is None:
        msg = f"run {ask.run} was never started in this ledger"
        raise LedgerError(msg)
    planned = charging.plan(ask, account, now)
    admission = decide_all(ask, charging.terms, planned, _stand(books, planned), now)
    if ask.found and not _asks_again(ask, admission.verdict):
        books.record(screened(ask, now))
    match admission.verdict:
        case Allow():
            books.record(opened(ask, admission, now), owner)
            warn(books, ask.run, now)
        case Trip() as trip:
            _refuse(books, ask, balance, trip, now)
    for key, at in admission.states.items():
        books.fill(key, at)
    for warned in admission.warned:
        books.record(warned)
    return admission.verdict


def screened(ask: Ask, now: Instant) -> Screened:
    """Return the entry of what screening found in a call."""
    return Screened(
        run=ask.run,
        at=now,
        of=ask.call,
        found=ask.found[:MOST_FOUND],
        more=max(0, len(ask.found) - MOST_FOUND),
        provider=ask.provider,
        model=ask.model,
        client=ask.client,
    )


def _asks_again(ask: Ask, verdict: Verdict) -> bool:
    return ask.patient and isinstance(verdict, Trip) and verdict.effect is Effect.PASSING


def _stand(books: Books, planned: Plan) -> Stand:
    """Read, in key order, what a call is judged by."""
    balances: dict[str, Balance] = {}
    for key in sorted(planned.accounts):
        if (balance := books.find(key)) is not None:
            balances[key] = balance
    states: dict[str, Instant] = {}
    for key in sorted({one.key for one in planned.buckets}):
        if (at := books.bucket(key)) is not None:
            states[key] = at
    return Stand(balances=balances, states=states)


def warn(books: Books, run: str, now: Instant) -> None:
    """Record the warnings of a run that are due."""
    balance = books.find(run_account(run))
    if balance is not None and balance.limits.warn_at:
        for warned in warnings(run, balance, now):
            books.record(warned)


def _refuse(books: Books, ask: Ask, balance: Balance, trip: Trip, now: Instant) -> None:
    if _asks_again(ask, trip):
        return
    refused = CallRefused(
        run=ask.run,
        at=now,
        reason=trip.reason,
        effect=trip.effect,
        provider=ask.provider,
        format=ask.format,
        model=ask.model,
        client=ask.client,
        account=trip.account,
    )
    if balance.stopped is not None:
        if balance.refused_at is None:
            books.record(refused)
        return
    if not _repeats(books, refused):
        books.record(refused)
    if trip.effect is Effect.STOP:
        stopped = RunStopped(run=ask.run, at=now, reason=trip.reason, message=trip.message)
        books.record(stopped)


def _repeats(books: Books, refused: CallRefused) -> bool:
    """Tell whether the run's newest entry is this refusal, but for its time."""
    body = books.store.newest(refused.run)
    if body is None:
        return False
    match books.codec.entry(body):
        case CallRefused() as newest:
            return _without_time(newest) == _without_time(refused)
        case _:
            return False


def _without_time(refused: CallRefused) -> tuple[str, ...]:
    return (
        refused.reason,
        refused.effect,
        refused.provider,
        refused.format,
        refused.model,
        refused.client,
        refused.account,
    )
