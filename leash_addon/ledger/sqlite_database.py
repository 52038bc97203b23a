"""A ledger's database in a SQLite file, on one connection."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from leash_addon.errors import LedgerError
from leash_addon.ledger.backup import backup
from leash_addon.ledger.books import Codec
from leash_addon.ledger.connection import beside
from leash_addon.ledger.durability import Durability, sync_log
from leash_addon.ledger.faults import guarded
from leash_addon.ledger.known import Known
from leash_addon.ledger.owner import LockFiles
from leash_addon.ledger.sqlite_store import SqliteSnapshot, snapshot
from leash_addon.ledger.store import NOTHING, Footprint, Rows
from leash_addon.ledger.transaction import Transaction

_CLOSING_WAIT = 500
"""Milliseconds that closing may wait for another's write lock, also on an event loop."""


class SqliteDatabase:
    """A ``Database`` under one write lock: a transaction needs no footprint."""

    inline = True

    def __init__(self, conn: sqlite3.Connection, path: Path) -> None:
        """Take over an open connection; the schema is there."""
        self.name = path
        self.conn = conn
        self.codec = Codec()
        self._known = Known(conn)
        self.presence = LockFiles(beside(path, ".owners"))
        found = path.stat()
        self._identity = (found.st_dev, found.st_ino)

    def transaction(self, footprint: Footprint = NOTHING) -> Transaction:  # noqa: ARG002
        """Prepare a transaction."""
        return Transaction(self.conn, self.codec, self.name, self._known)

    def query(self, sql: str, parameters: tuple[object, ...] = ()) -> Rows:
        """Read rows."""
        return self.conn.execute(sql, parameters).fetchall()

    @contextmanager
    def alone(self) -> Iterator[SqliteSnapshot]:
        """Hold the write lock; balances may be changed past the books."""
        with self.transaction():
            yield SqliteSnapshot(self.conn)
        self._known.forget()

    def backup(self, file: Path) -> int:
        """Copy the file."""
        return backup(self.conn, file)

    def snapshot(self) -> AbstractContextManager[SqliteSnapshot]:
        """See the file as it is now."""
        return snapshot(self.conn)

    def guarded(self) -> AbstractContextManager[None]:
        """Turn the errors of SQLite and of the operating system into the ledger's own."""
        return guarded(self.name)

    def background(self) -> Durability:
        """Return the thread that syncs and checkpoints."""
        return Durability(self.name)

    def sync(self) -> None:
        """Sync the log."""
        sync_log(self.name)

    def misplaced(self) -> LedgerError | None:
        """Return the error to give when the file was moved, deleted or replaced under us."""
        try:
            found = self.name.stat()
        except OSError:
            found = None
        if found is not None and (found.st_dev, found.st_ino) == self._identity:
            return None
        return LedgerError(
            f"ledger {self.name}: the file was moved or deleted while leash runs; put it back, or "
            "start leash anew"
        )

    def do_not_wait(self) -> None:
        """Let the caller wait in its own way."""
        self.conn.execute("PRAGMA busy_timeout=0")

    def wait_a_little(self) -> None:
        """Wait half a second at most."""
        self.conn.execute(f"PRAGMA busy_timeout={_CLOSING_WAIT}")

    def close(self) -> None:
        """Close the file."""
        self.conn.close()
