"""A whole PostgreSQL ledger within one transaction: to be proved, repaired, pruned."""

from collections.abc import Iterable, Iterator
from typing import Any, LiteralString

from leash_addon.ledger.postgres.faults import Connection
from leash_addon.ledger.store import Rows

_GUARD = (
    "SELECT 1 FROM pg_trigger WHERE tgrelid = 'journal'::regclass "
    "AND tgname = 'journal_is_append_only' AND tgenabled = 'O'"
)
_BALANCE = "INSERT INTO balances (account, state, entries) VALUES (%s, %s, %s)"
_CHECKPOINT = (
    "INSERT INTO checkpoints (account, seq, state, entries) VALUES (%s, %s, %s, %s) "
    "ON CONFLICT (account) DO UPDATE SET state = excluded.state, seq = excluded.seq, "
    "entries = excluded.entries"
)
_DELETE = "DELETE FROM journal WHERE seq <= %s AND NOT seq = ANY(%s::bigint[])"
_UNGUARD = "ALTER TABLE journal DISABLE TRIGGER journal_is_append_only"
_GUARD_AGAIN = "ALTER TABLE journal ENABLE TRIGGER journal_is_append_only"


class PostgresWhole:
    """A ``Snapshot`` read in pages, and a ``Whole`` where the transaction has locked the tables."""

    gapless = False

    def __init__(self, conn: Connection) -> None:
        """Use a connection that is in such a transaction."""
        self._conn = conn

    def damage(self) -> Iterator[str]:
        """Look whether the journal is still guarded: the server checks its own pages."""
        if self._conn.execute(_GUARD).fetchone() is None:
            yield "the trigger that keeps the journal append-only is gone or disabled"

    def checkpoints(self) -> Iterable[tuple[str, int, str, int]]:
        """Read the checkpoints."""
        return self._pages("SELECT account, seq, state, entries FROM checkpoints")

    def journal(self) -> Iterable[tuple[Any, ...]]:
        """Read the journal."""
        return self._pages("SELECT seq, at, run, call, kind, body FROM journal ORDER BY seq")

    def balances(self) -> Iterable[tuple[str, str, int | None]]:
        """Read the balances, with how many entries were booked on each."""
        return self._pages("SELECT account, state, entries FROM balances")

    def holds(self) -> Iterable[tuple[str, int]]:
        """Read the holds."""
        return self._pages("SELECT call, seq FROM holds")

    def query(self, sql: str, parameters: tuple[object, ...] = ()) -> Rows:
        """Read rows."""
        return self._conn.execute(sql.replace("?", "%s"), parameters).fetchall()

    def execute(self, sql: str, parameters: tuple[object, ...] = ()) -> None:
        """Change something."""
        self._conn.execute(sql.replace("?", "%s"), parameters)

    def write_balance(self, account: str, state: str, entries: int) -> None:
        """Write a balance, with how many entries it comes from."""
        self._conn.execute(_BALANCE, (account, state, entries))

    def write_checkpoint(self, account: str, seq: int, state: str, entries: int) -> None:
        """Write a checkpoint, with how many entries it holds."""
        self._conn.execute(_CHECKPOINT, (account, seq, state, entries))

    def delete_entries(self, last: int, kept: list[int]) -> int:
        """Delete entries, the trigger that forbids it off for that long."""
        self._conn.execute(_UNGUARD)
        gone = self._conn.execute(_DELETE, (last, kept)).rowcount
        self._conn.execute(_GUARD_AGAIN)
        return gone

    def _pages(self, sql: LiteralString) -> Iterator[Any]:
        with self._conn.cursor(name="leash_pages") as cursor:
            cursor.itersize = 2_000
            yield from cursor.execute(sql)
