"""One transaction under the write lock: everything that was recorded is committed, or nothing."""

import sqlite3
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import msgspec

from leash_addon.ledger.books import Books, Codec
from leash_addon.ledger.faults import translated, unreadable
from leash_addon.ledger.known import Known
from leash_addon.ledger.sqlite_store import SqliteStore


class Transaction:
    """``with Transaction(...) as books``: begin, write the balances, commit; or roll back.

    A class, since a generator costs a call as much as a statement does. SQLite's errors leave as
    the ledger's own; those of the operating system are the caller's to guard.
    """

    __slots__ = ("_books", "_conn", "_known", "_path")

    def __init__(self, conn: sqlite3.Connection, codec: Codec, path: Path, known: Known) -> None:
        """Prepare; nothing is locked yet."""
        self._conn = conn
        self._path = path
        self._known = known
        self._books = Books(SqliteStore(conn), codec, known.balances)

    def __enter__(self) -> Books:
        """Take the write lock, waiting for it as long as the connection's busy timeout says."""
        try:
            self._conn.execute("BEGIN IMMEDIATE")
            self._known.check()
        except sqlite3.Error as error:
            self._roll_back()
            raise translated(self._path, error) from error
        return self._books

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Commit, or roll back when anything failed."""
        try:
            if error is None:
                self._books.write()
                self._conn.execute("COMMIT")
                self._known.keep(self._books.states)
                return
        except BaseException as failed:
            self._roll_back()
            self._translate(failed)
            raise
        self._roll_back()
        self._translate(error)

    def _translate(self, error: BaseException) -> None:
        """Raise the ledger's own error for one that is not."""
        if isinstance(error, sqlite3.Error):
            raise translated(self._path, error) from error
        if isinstance(error, (msgspec.MsgspecError, OverflowError)):
            raise unreadable(self._path, error) from error

    def _roll_back(self) -> None:
        self._known.forget()
        with suppress(sqlite3.Error):
            if self._conn.in_transaction:
                self._conn.execute("ROLLBACK")
