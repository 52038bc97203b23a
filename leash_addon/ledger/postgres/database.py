"""A ledger's database in PostgreSQL."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, LiteralString

from leash_addon.core.database_url import DatabaseUrl
from leash_addon.errors import LedgerError
from leash_addon.ledger.books import Codec
from leash_addon.ledger.postgres.faults import Connection, guarded
from leash_addon.ledger.postgres.pool import Pool
from leash_addon.ledger.postgres.presence import Leases
from leash_addon.ledger.postgres.transaction import Known, PostgresTransaction
from leash_addon.ledger.store import NOTHING, Footprint, Rows

_SNAPSHOT = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL statement_timeout TO 0;
SET LOCAL idle_in_transaction_session_timeout TO 0;
"""
_GUARD = (
    "SELECT 1 FROM pg_trigger WHERE tgrelid = 'journal'::regclass "
    "AND tgname = 'journal_is_append_only' AND tgenabled = 'O'"
)


class Nothing:
    """The work that goes on beside this ledger: none, the server does it."""

    def start(self) -> None:
        """Begin."""

    def ask(self) -> None:
        """Take note."""

    def stop(self) -> None:
        """End."""


class PostgresDatabase:
    """A ``Database`` of rows that are locked one by one, across a network."""

    inline = False

    def __init__(self, url: DatabaseUrl, pool: Pool) -> None:
        """Take over a pool; the schema is there."""
        self.name = url
        self.codec = Codec()
        self.presence = Leases(pool)
        self._pool = pool
        self._known = Known()

    def transaction(self, footprint: Footprint = NOTHING) -> PostgresTransaction:
        """Prepare a transaction."""
        return PostgresTransaction(self._pool, self.name, self.codec, self._known, footprint)

    def query(self, sql: str, parameters: tuple[object, ...] = ()) -> Rows:
        """Read rows."""
        ours = sql.replace("?", "%s")
        return self._pool.retried(lambda conn: conn.execute(ours, parameters).fetchall())

    @contextmanager
    def snapshot(self) -> Iterator["PostgresSnapshot"]:
        """See one moment, for as long as it takes."""
        with self._pool.taken() as conn, conn.transaction():
            conn.execute(_SNAPSHOT)
            yield PostgresSnapshot(conn)

    def guarded(self) -> AbstractContextManager[None]:
        """Turn the errors of PostgreSQL into the ledger's own."""
        return guarded(self.name)

    def background(self) -> Nothing:
        """Return what is to be done beside the ledger."""
        return Nothing()

    def sync(self) -> None:
        """Do nothing: a commit has reached the disk when it returns."""

    def misplaced(self) -> LedgerError | None:
        """Say nothing: a server that is away refuses by itself."""
        return None

    def do_not_wait(self) -> None:
        """Do nothing: it works in a thread, and its locks have a timeout."""

    def wait_a_little(self) -> None:
        """Do nothing: the timeout of its locks is short."""

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class PostgresSnapshot:
    """A ``Snapshot`` within one REPEATABLE READ transaction, read in pages."""

    gapless = False

    def __init__(self, conn: Connection) -> None:
        """Use a connection that is in such a transaction."""
        self._conn = conn

    def damage(self) -> Iterator[str]:
        """Look whether the journal is still guarded: the server checks its own pages."""
        if self._conn.execute(_GUARD).fetchone() is None:
            yield "the trigger that keeps the journal append-only is gone or disabled"

    def journal(self) -> Iterable[tuple[Any, ...]]:
        """Read the journal."""
        return self._pages("SELECT seq, at, run, call, kind, body FROM journal ORDER BY seq")

    def balances(self) -> Iterable[tuple[str, str, int | None]]:
        """Read the balances, with how many entries were booked on each."""
        return self._pages("SELECT account, state, entries FROM balances")

    def holds(self) -> Iterable[tuple[str, int]]:
        """Read the holds."""
        return self._pages("SELECT call, seq FROM holds")

    def _pages(self, sql: LiteralString) -> Iterator[Any]:
        with self._conn.cursor(name="leash_fsck") as cursor:
            cursor.itersize = 2_000
            yield from cursor.execute(sql)
