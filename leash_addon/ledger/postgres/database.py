"""A ledger's database in PostgreSQL."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from leash_addon.core.database_url import DatabaseUrl
from leash_addon.errors import LedgerError, UsageError
from leash_addon.ledger.books import Codec
from leash_addon.ledger.postgres.faults import guarded
from leash_addon.ledger.postgres.pool import Pool
from leash_addon.ledger.postgres.presence import Leases
from leash_addon.ledger.postgres.transaction import Known, PostgresTransaction
from leash_addon.ledger.postgres.whole import PostgresWhole
from leash_addon.ledger.store import NOTHING, Footprint, Rows

_TIME = """
SET LOCAL statement_timeout TO 0;
SET LOCAL lock_timeout TO '30s';
SET LOCAL idle_in_transaction_session_timeout TO 0;
"""


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
    def snapshot(self) -> Iterator[PostgresWhole]:
        """See one moment, for as long as it takes."""
        with self._pool.taken() as conn, conn.transaction():
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            conn.execute(_TIME)
            yield PostgresWhole(conn)

    @contextmanager
    def alone(self) -> Iterator[PostgresWhole]:
        """Wait until nobody writes, and let nobody begin to."""
        with self._pool.taken() as conn, conn.transaction():
            conn.execute(_TIME)
            conn.execute("LOCK TABLE journal, balances, holds IN SHARE ROW EXCLUSIVE MODE")
            yield PostgresWhole(conn)
        self._known.forget()

    def backup(self, file: Path) -> int:
        """Leave it to PostgreSQL's own programs."""
        msg = f"{file}: not made; {self.name} is a server's: pg_dump --schema=leash copies it"
        raise UsageError(msg)

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
