"""Growth: old entries are folded into a checkpoint of every account, and deleted.

Nothing on the hot path reads old entries, so pruning only gives disk space back. It takes a prefix
of the journal, so that every account goes on from its checkpoint as if nothing had happened:
balances stay what they are, and ``fsck`` folds the rest onto the checkpoints. The entries of a call
that may still change (open, or swept and not adjusted) stay where they are.

The fold happens outside the write lock: entries do not change. Everything that is written, the
triggers that forbid it dropped and restored, is one transaction.
"""

import sqlite3
from collections.abc import Iterator

from leash_addon.core.balance import EMPTY, Balance, fold
from leash_addon.core.journal import CallAdjusted, CallOpened, CallSettled
from leash_addon.core.money import Instant
from leash_addon.core.reading import Outcome
from leash_addon.errors import LedgerError
from leash_addon.ledger.books import Books, Codec, accounts_of
from leash_addon.ledger.schema import TRIGGERS

_PREFIX = (
    "SELECT min(coalesce((SELECT min(seq) FROM journal WHERE at >= ? AND seq > ?), max(seq)) , "
    "max(seq)) - 1 FROM journal"
)
_CHECKPOINT = (
    "INSERT INTO checkpoints (account, seq, state) VALUES (?, ?, ?) "
    "ON CONFLICT (account) DO UPDATE SET state = excluded.state, seq = excluded.seq"
)


class Folded:
    """What a prefix of the journal comes to. ``last``: its last ``seq``; ``kept``: rows to keep."""

    __slots__ = ("_calls", "first", "last", "states")

    def __init__(self, first: int, last: int, states: dict[str, Balance]) -> None:
        """Begin at the checkpoints: ``first`` is theirs."""
        self.first = first
        self.last = last
        self.states = states
        self._calls: dict[str, list[int]] = {}

    @property
    def kept(self) -> set[int]:
        """Return the rows of calls that may still change."""
        return {seq for rows in self._calls.values() for seq in rows}

    def add(self, seq: int, body: str, codec: Codec) -> None:
        """Fold one row, unless the checkpoints have it already."""
        entry = codec.entry(body)
        match entry:
            case CallOpened(call=call):
                self._calls[call] = [seq]
            case CallSettled(call=call, outcome=Outcome.SWEPT):
                self._calls.setdefault(call, []).append(seq)
            case CallSettled(call=call) | CallAdjusted(call=call):
                self._calls.pop(call, None)
            case _:
                pass
        if seq > self.first:
            for account in accounts_of(entry):
                self.states[account] = fold(self.states.get(account, EMPTY), entry)


def checkpoints(conn: sqlite3.Connection, codec: Codec) -> tuple[int, dict[str, Balance]]:
    """Return the last ``seq`` that was pruned (0 for none), and what the accounts stood at."""
    rows = conn.execute("SELECT account, seq, state FROM checkpoints").fetchall()
    states = {account: codec.balance(state) for account, _, state in rows}
    return max((seq for _, seq, _ in rows), default=0), states


def fold_before(conn: sqlite3.Connection, codec: Codec, before: Instant) -> Folded | None:
    """Fold the entries from the beginning to the first that is not older; ``None``: there is none.

    The newest entry always stays, so that ``seq`` goes on growing.
    """
    pruned, states = checkpoints(conn, codec)
    (last,) = conn.execute(_PREFIX, (before, pruned)).fetchone()
    if last is None or last <= pruned:
        return None
    folded = Folded(pruned, last, states)
    for seq, body in _rows(conn, last):
        folded.add(seq, body, codec)
    return folded


def prune(books: Books, folded: Folded) -> int:
    """Write the checkpoints and delete what they hold; return how many entries went."""
    conn = books.conn
    (pruned,) = conn.execute("SELECT coalesce(max(seq), 0) FROM checkpoints").fetchone()
    if pruned != folded.first:
        msg = "somebody else has pruned it just now; nothing was changed"
        raise LedgerError(msg)
    for account in sorted(folded.states):
        state = books.codec.text(folded.states[account])
        conn.execute(_CHECKPOINT, (account, folded.last, state))
    for name in TRIGGERS:
        conn.execute(f"DROP TRIGGER {name}")
    conn.execute("CREATE TEMP TABLE kept (seq INTEGER PRIMARY KEY)")
    conn.executemany("INSERT INTO kept VALUES (?)", ((seq,) for seq in sorted(folded.kept)))
    gone = conn.execute(
        "DELETE FROM journal WHERE seq <= ? AND seq NOT IN (SELECT seq FROM kept)", (folded.last,)
    ).rowcount
    conn.execute("DROP TABLE kept")
    for statement in TRIGGERS.values():
        conn.execute(statement)
    return gone


def _rows(conn: sqlite3.Connection, last: int) -> Iterator[tuple[int, str]]:
    return conn.execute("SELECT seq, body FROM journal WHERE seq <= ? ORDER BY seq", (last,))
