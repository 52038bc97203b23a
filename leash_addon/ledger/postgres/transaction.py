"""One PostgreSQL transaction, from its footprint to its commit."""

from collections.abc import Iterable
from contextlib import ExitStack, suppress
from types import TracebackType

import msgspec
import psycopg

from leash_addon.core.database_url import DatabaseUrl
from leash_addon.core.journal import CallOpened
from leash_addon.errors import LedgerError, LedgerUnsure
from leash_addon.ledger.books import Books, Codec
from leash_addon.ledger.postgres.faults import Connection, said, translated, unreadable
from leash_addon.ledger.postgres.pool import Pool, is_lost
from leash_addon.ledger.postgres.store import Opened, PostgresStore, Read
from leash_addon.ledger.postgres.trips import Wanted, find_opened, lock_and_read, write_and_commit
from leash_addon.ledger.store import Footprint

REMEMBERED = 10_000
"""Accounts and buckets that are known to have a row."""


class Known:
    """Rows that are there: they are locked without being made first. Proved by each lock."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        """Know nothing."""
        self._keys: set[str] = set()

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return the keys that may have no row yet, sorted."""
        return sorted({key for key in keys if key not in self._keys})

    def note(self, keys: Iterable[str]) -> None:
        """Remember rows that were committed."""
        if len(self._keys) >= REMEMBERED:
            self._keys.clear()
        self._keys.update(keys)

    def forget(self) -> None:
        """Know nothing again: somebody has deleted a row."""
        self._keys.clear()


class PostgresTransaction:
    """``with PostgresTransaction(...) as books``: lock and read, then write and commit.

    Raises the ledger's errors: ``LedgerBusy`` when another holds a lock for too long,
    ``LedgerUnsure`` when the connection is lost while it commits.
    """

    def __init__(
        self, pool: Pool, url: DatabaseUrl, codec: Codec, known: Known, footprint: Footprint
    ) -> None:
        """Prepare; nothing is locked yet."""
        self._pool = pool
        self._url = url
        self._codec = codec
        self._known = known
        self._footprint = footprint
        self._pipeline = ExitStack()

    def __enter__(self) -> Books:
        """Lock and read. A connection that was lost meanwhile is replaced, once."""
        try:
            self._conn, read = self._begin()
        except _LostError:
            self._pool.close()  # the other connections are as old
            try:
                self._conn, read = self._begin()
            except _LostError as again:
                raise again.said from None
        self._store = PostgresStore(read)
        self._books = Books(self._store, self._codec)
        return self._books

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Write and commit, or roll back when anything failed."""
        try:
            if error is None:
                self._commit()
            elif isinstance(error, (msgspec.MsgspecError, OverflowError)):
                raise unreadable(self._url, error) from error
        finally:
            self._give_back(self._conn)

    def _begin(self) -> tuple[Connection, Read]:
        conn = self._pool.take()
        try:
            found, opened = self._opened(conn)
            pipeline = self._pipeline.enter_context(conn.pipeline())
            while True:
                wanted = self._wants(opened)
                read = lock_and_read(conn, pipeline, wanted, found)
                if _is_whole(wanted, self._footprint, read):
                    return conn, read
                conn.execute("ROLLBACK")
                self._known.forget()
        except BaseException as error:
            lost = isinstance(error, psycopg.OperationalError) and is_lost(conn, error)
            self._give_back(conn)
            if isinstance(error, psycopg.Error):
                raised = translated(self._url, error)
                raise (_LostError(raised) if lost else raised) from None
            raise

    def _opened(self, conn: Connection) -> tuple[dict[str, Opened], list[CallOpened]]:
        """Return how the calls that end were opened: what was looked up, and all of them."""
        ends = [end.call for end in self._footprint.ends]
        remembered = [self._codec.opened[call] for call in ends if call in self._codec.opened]
        unknown = [call for call in ends if call not in self._codec.opened]
        found = find_opened(conn, unknown, list(self._footprint.owners))
        entries = [self._codec.entry(one.body) for one in found.values()]
        return found, [*remembered, *(one for one in entries if isinstance(one, CallOpened))]

    def _wants(self, opened: list[CallOpened]) -> Wanted:
        footprint = self._footprint
        accounts = {*footprint.accounts, *(key for one in opened for key in one.accounts)}
        buckets = {*footprint.buckets, *(key for one in opened for key in one.buckets)}
        ends = (end.call for end in footprint.ends)
        return Wanted(
            accounts=sorted(accounts),
            make=self._known.missing(footprint.fresh),
            buckets=sorted(buckets),
            make_buckets=self._known.missing(buckets),
            calls=sorted({*footprint.opens, *ends, *(one.call for one in opened)}),
            ends=footprint.ends,
        )

    def _give_back(self, conn: Connection) -> None:
        """End the pipeline, roll back what was not committed, and leave the connection."""
        with suppress(psycopg.Error):
            self._pipeline.close()
        self._pool.give_back(conn)

    def _commit(self) -> None:
        try:
            self._books.write()
            write_and_commit(self._conn, self._store.read, self._store.written)
            self._pipeline.close()
        except psycopg.Error as error:
            if isinstance(error, psycopg.OperationalError) and is_lost(self._conn, error):
                msg = f"ledger {self._url}: the connection was lost: {said(self._url, error)}"
                raise LedgerUnsure(msg) from None
            raise translated(self._url, error) from None
        except (msgspec.MsgspecError, OverflowError) as error:
            raise unreadable(self._url, error) from error
        self._known.note(key for key, state in self._store.read.balances.items() if state)
        self._known.note(self._store.written.balances)
        self._known.note(self._store.written.buckets)


class _LostError(Exception):
    """The connection was lost before anything could have been committed."""

    def __init__(self, said: LedgerError) -> None:
        super().__init__(str(said))
        self.said = said


def _is_whole(wanted: Wanted, footprint: Footprint, read: Read) -> bool:
    """Tell whether every row that had to be there was locked: a known one may have been deleted."""
    balances = all(key in read.balances for key in footprint.fresh)
    return balances and all(key in read.buckets for key in wanted.buckets)
