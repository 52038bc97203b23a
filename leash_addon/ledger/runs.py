"""What happens to a whole run on the record: start, end, kill, raised limits."""

from leash_addon.core.balance import Balance
from leash_addon.core.journal import LimitsRaised, RunKilled, RunStarted
from leash_addon.core.limits import NO_LIMITS, Limits, kept_raised
from leash_addon.core.money import Instant
from leash_addon.core.verdict import Reason
from leash_addon.errors import UsageError
from leash_addon.ledger.books import Books, run_account

_RAISES: dict[Reason, str] = {
    Reason.COST_BUDGET: "--max-cost +5",
    Reason.CALL_BUDGET: "--max-calls +100",
    Reason.DEADLINE: "--deadline +15m",
    Reason.STALL: "--stall +2",
    Reason.METER_BLIND: "--max-cost 0",
    Reason.SERVER_TOOL_UNPRICED: "--max-cost 0",
    Reason.UNPRICED_MODEL: "--max-cost 0",
}


def raise_hint(run: str, reason: Reason) -> str | None:
    """Return the command that lets a stopped run go on; ``None`` for one that was killed."""
    flag = _RAISES.get(reason)
    return None if flag is None else f"leash raise {run} {flag}"


def start(
    books: Books, entry: RunStarted, limits: Limits | None, *, keeps_raised: bool = False
) -> None:
    """Record that ``entry.owner`` governs the run from now on; ``limits`` None keeps its own.

    ``keeps_raised``: higher limits of a run that is on record stay.

    Nothing is written when the same owner starts it again as it is.
    """
    recorded = books.find(run_account(entry.run))
    if recorded is None:
        books.record(_with_limits(entry, limits or NO_LIMITS))
        return
    wanted = recorded.limits if limits is None else limits
    if keeps_raised:
        wanted = kept_raised(wanted, recorded.limits, recorded.lifted)
    if recorded.stopped is not None and wanted != recorded.limits:
        raise UsageError(_stopped_message(entry.run, recorded))
    unchanged = recorded.owner == entry.owner and wanted == recorded.limits
    if not unchanged or recorded.finished_at is not None:
        books.record(_with_limits(entry, wanted))


def _with_limits(entry: RunStarted, limits: Limits) -> RunStarted:
    return RunStarted(
        run=entry.run,
        at=entry.at,
        owner=entry.owner,
        limits=limits,
        program=entry.program,
        prices=entry.prices,
    )


def _stopped_message(run: str, balance: Balance) -> str:
    hint = raise_hint(run, balance.stopped) if balance.stopped is not None else None
    if hint is None:
        return f"run {run} was stopped ({balance.stopped}) and stays so; choose another --run name"
    return (
        f"run {run} is stopped ({balance.stopped}) and its recorded limits differ from the ones "
        f"given; raise them on the record: {hint}"
    )


def kill(books: Books, run: str, by: str, now: Instant) -> None:
    """End a run by hand; killing it twice changes nothing."""
    balance = books.find(run_account(run))
    if balance is None or balance.stopped is not Reason.KILL:
        books.record(RunKilled(run=run, at=now, by=by))


def raise_limits(books: Books, run: str, limits: Limits, by: str, now: Instant) -> None:
    """Record new limits; the fold decides whether they lift a stop."""
    balance = books.find(run_account(run))
    if balance is None or balance.limits != limits:
        books.record(LimitsRaised(run=run, at=now, limits=limits, by=by))
