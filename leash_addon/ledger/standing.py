"""Where the runs of a ledger stand, for people and programs that read it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from leash_addon.core.balance import Balance
from leash_addon.core.journal import CallOpened, Entry, Screened
from leash_addon.core.verdict import Reason
from leash_addon.errors import UsageError
from leash_addon.ledger.books import Codec, run_account
from leash_addon.ledger.store import Query

_PAGE = 500


class Status(StrEnum):
    """How a run stands. ``ABANDONED``: its process died without an end."""

    RUNNING = "running"
    STOPPED = "stopped"
    KILLED = "killed"
    FINISHED = "finished"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One run, what its account stands at, and its status."""

    run: str
    balance: Balance
    status: Status


def status_of(balance: Balance, lives: Callable[[str], bool]) -> Status:
    """Return the status of a run. A call after an end means that another process governs it.

    ``lives``: tells whether an owner does; asked only where it matters, for it costs a system call.
    """
    if balance.stopped is not None:
        return Status.KILLED if balance.stopped is Reason.KILL else Status.STOPPED
    ended = balance.finished_at
    if ended is not None and ended >= (balance.last_call_at or ended):
        return Status.FINISHED
    return Status.RUNNING if lives(balance.owner) else Status.ABANDONED


def last_activity(standing: Standing) -> tuple[int, str]:
    """Order runs by the newest thing that happened to them."""
    balance = standing.balance
    moments = (
        balance.started_at,
        balance.last_call_at,
        balance.stopped_at,
        balance.finished_at,
    )
    return max(moment or 0 for moment in moments), standing.run


def read_runs(query: Query, codec: Codec) -> Iterator[tuple[str, Balance]]:
    """Yield every run with its balance."""
    first = run_account("")
    for account, balance in _read(query, codec, first, "run;"):
        yield account.removeprefix(first), balance


def read_caps(query: Query, codec: Codec) -> Iterator[tuple[str, Balance]]:
    """Yield every account of a cap with its balance."""
    return _read(query, codec, "cap:", "cap;")


def _read(query: Query, codec: Codec, first: str, after: str) -> Iterator[tuple[str, Balance]]:
    """Yield the accounts whose keys are from ``first`` on and before ``after``, by index."""
    rows = query(
        "SELECT account, state FROM balances WHERE account >= ? AND account < ? ORDER BY account",
        (first, after),
    )
    for account, state in rows:
        yield account, codec.balance(state)


def read_entries(
    query: Query, codec: Codec, run: str | None = None, after: int = 0
) -> Iterator[tuple[int, Entry]]:
    """Yield the entries of a run (of all) after ``seq`` with their ``seq``, oldest first.

    No read stays open in between.
    """
    which = "" if run is None else "run = ? AND "
    given = () if run is None else (run,)
    seq = after
    while True:
        rows = query(
            f"SELECT seq, body FROM journal WHERE {which}seq > ? ORDER BY seq LIMIT ?",  # noqa: S608
            (*given, seq, _PAGE),
        )
        if not rows:
            return
        for seq, body in rows:
            yield seq, codec.entry(body)


def read_screened(query: Query, codec: Codec, run: str | None = None) -> Iterator[Screened]:
    """Yield what screening found in a run (in all), oldest first. No read stays open."""
    which = "" if run is None else "AND run = ? "
    given = () if run is None else (run,)
    seq = 0
    while True:
        rows = query(
            "SELECT seq, body FROM journal WHERE kind = 'screened' AND seq > ? "  # noqa: S608
            f"{which}ORDER BY seq LIMIT ?",
            (seq, *given, _PAGE),
        )
        if not rows:
            return
        seq = rows[-1][0]
        for _, body in rows:
            entry = codec.entry(body)
            if isinstance(entry, Screened):
                yield entry


def read_open(query: Query, codec: Codec) -> Iterator[CallOpened]:
    """Yield the calls that are open, oldest first."""
    rows = query(
        "SELECT journal.body FROM holds JOIN journal ON journal.seq = holds.seq ORDER BY holds.seq"
    )
    for (body,) in rows:
        entry = codec.entry(body)
        if isinstance(entry, CallOpened):
            yield entry


def unknown_run(query: Query, run: str) -> UsageError:
    """Return the error for a run that is not there, with names that are near it."""
    known = [
        account.removeprefix("run:")
        for (account,) in query(
            "SELECT account FROM balances WHERE account >= 'run:' AND account < 'run;'"
        )
    ]
    near = [name for name in known if name.startswith(run)][:3] or get_close_matches(run, known)
    if near:
        return UsageError(f"no run {run!r}; did you mean {', '.join(near)}?")
    return UsageError(f"no run {run!r}; `leash ps --all` lists every one")
