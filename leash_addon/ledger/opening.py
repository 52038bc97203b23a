"""Opening a ledger: the file, its modes, WAL and its schema, safe for many processes at once.

Creating the file, switching it to WAL and migrating happen under a file lock beside it
(``<db>.lock``); without it, processes that start together on a new file fail one another.
Every connection has ``wal_autocheckpoint=0``: checkpoints are one background thread's work, since
an automatic one blocks the event loop. ``synchronous`` is NORMAL: a commit does not wait for the
disk, and a checkpoint cannot tear the file.
"""

import os
import sqlite3
from pathlib import Path

from leash_addon.core.database_url import DatabaseUrl, database_url
from leash_addon.core.terms import NO_TERMS, Terms
from leash_addon.errors import LedgerError
from leash_addon.ledger.connection import beside, connect
from leash_addon.ledger.faults import guarded
from leash_addon.ledger.ledger import Ledger
from leash_addon.ledger.locks import locked
from leash_addon.ledger.schema import OLDEST_SQLITE, migrate, must_be_ours
from leash_addon.ledger.sqlite_database import SqliteDatabase

_OPENING_WAIT = 30.0


def open_ledger(
    db: str | Path | DatabaseUrl, *, wait: float = 5.0, terms: Terms = NO_TERMS
) -> Ledger:
    """Open the ledger in a file, or at a ``postgresql://`` URL.

    What is not there is made: a file 0600, a missing parent 0700, the tables of a database.

    ``wait``: seconds that a write may block for another process's lock; 0 on an event loop.
    ``terms``: the caps, rate limits and holds that calls are admitted under.
    Raises ``LedgerError``, whose message has the path and the mend.
    """
    place = database_url(db) or Path(db) if isinstance(db, str) else db
    if isinstance(place, DatabaseUrl):
        return _open_postgres(place, terms)
    return _open_sqlite(place, wait, terms)


def _open_postgres(url: DatabaseUrl, terms: Terms) -> Ledger:
    try:
        from leash_addon.ledger.postgres.opening import open_postgres  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = f"ledger {url}: psycopg is missing ({error}); pip install 'leash-addon[postgres]'"
        raise LedgerError(msg) from None
    return open_postgres(url, terms)


def _open_sqlite(path: Path, wait: float, terms: Terms) -> Ledger:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        msg = f"ledger {path}: SQLite {sqlite3.sqlite_version} is too old; 3.37 or newer is needed"
        raise LedgerError(msg)
    file = path.expanduser().absolute()
    with guarded(file):
        if file.is_dir():
            msg = f"ledger {file}: it is a directory; name a file with --db"
            raise LedgerError(msg)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with locked(beside(file, ".lock"), wait=_OPENING_WAIT):
            conn = _opened(file, wait)
        return Ledger(SqliteDatabase(conn, file), terms)


def _opened(file: Path, wait: float) -> sqlite3.Connection:
    _create(file)
    conn = connect(file, wait=_OPENING_WAIT)
    try:
        must_be_ours(conn)
        if conn.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            _switch_to_wal(conn)
        migrate(conn)
        conn.execute("DELETE FROM owners WHERE 0")  # a file that can only be read shows itself
        conn.execute(f"PRAGMA busy_timeout={int(wait * 1000)}")
    except LedgerError as error:
        conn.close()
        msg = f"ledger {file}: {error}"
        raise LedgerError(msg) from None
    except BaseException:
        conn.close()
        raise
    return conn


def _switch_to_wal(conn: sqlite3.Connection) -> None:
    (mode,) = conn.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        msg = f"its file system cannot do write-ahead logging (mode {mode}); name a local file"
        raise LedgerError(msg)


def _create(file: Path) -> None:
    """Make an empty file that only its owner may read; an existing one is left as it is.

    An existing file is never opened here: closing it would drop SQLite's locks on it.
    """
    if not file.exists():
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
