"""What happens to the write-ahead log off the event loop: fsync, and checkpoints.

Commits do not wait for the disk. This thread fsyncs the -wal file a moment later, when the writer
asks it to, so that a settlement survives a power cut from about 0.1 s on, and it alone checkpoints:
one process per database does, the one that holds ``<db>.checkpoint``.

SQLite before 3.51.3 (but for 3.44.6 and 3.50.7 of their branches) can damage a database when a
checkpoint of an already drained log meets a write that starts the log over
(https://sqlite.org/wal.html#walresetbug, read 2026-11-21). So a drained log is never checkpointed
again before someone has committed.
"""

import logging
import os
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

from leash_addon.ledger.connection import beside, connect
from leash_addon.ledger.locks import try_lock

_log = logging.getLogger(__name__)

CHECKPOINT_EVERY = 1.0
LONG_LOG = 8_000
"""Pages (32 MB) from which the log is started over under the write lock: busy writers never let
a passive checkpoint reach its end."""

_FIXED_BRANCHES = {(3, 44): 6, (3, 50): 7}
_FIXED = (3, 51, 3)


def sqlite_warning(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> str | None:
    """Return a sentence when this SQLite has the WAL-reset bug, else ``None``."""
    patch = _FIXED_BRANCHES.get(version[:2])
    if version >= _FIXED or (patch is not None and version[2] >= patch):
        return None
    shown = ".".join(map(str, version))
    return (
        f"SQLite {shown} has the WAL-reset bug (fixed in 3.51.3); leash checkpoints in a way that "
        "avoids it, but do not let another program checkpoint the ledger while leash runs"
    )


class Durability(threading.Thread):
    """The thread. ``ask`` a moment after a commit; ``stop`` ends it with a last fsync."""

    def __init__(self, database: Path) -> None:
        """Prepare the thread for one database; ``start`` runs it."""
        super().__init__(name="leash-durability", daemon=True)
        self._database = database
        self._wanted = threading.Event()
        self._stopping = threading.Event()

    def ask(self) -> None:
        """Ask for an fsync now; never waits for it."""
        if not self._wanted.is_set():  # setting takes a lock, asking does not
            self._wanted.set()

    def stop(self) -> None:
        """End the thread after one last fsync; blocks until it has ended."""
        self._stopping.set()
        self._wanted.set()
        self.join()

    def run(self) -> None:
        """Sync when asked to, checkpoint about every second, until stopped."""
        try:
            with closing(connect(self._database, wait=0.1)) as conn:
                self._work(Checkpointer(conn, self._database))
        except sqlite3.Error as error:
            _log.warning("ledger %s: no background checkpoints (%s)", self._database, error)
        self._sync()

    def _work(self, checkpointer: "Checkpointer") -> None:
        due = time.monotonic() + CHECKPOINT_EVERY
        with closing(checkpointer):
            while not self._stopping.is_set():
                if self._wanted.wait(CHECKPOINT_EVERY):
                    self._wanted.clear()
                    self._sync()
                if time.monotonic() >= due:
                    checkpointer.checkpoint()
                    due = time.monotonic() + CHECKPOINT_EVERY

    def _sync(self) -> None:
        try:
            sync_log(self._database)
        except OSError as error:
            _log.warning("ledger %s: the log cannot be synced (%s)", self._database, error)


def sync_log(database: Path) -> None:
    """Wait until everything committed to the -wal file is on the disk."""
    try:
        fd = os.open(beside(database, "-wal"), os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class Checkpointer:
    """Moves the log into the database, in the one process that holds the lock for it."""

    def __init__(self, conn: sqlite3.Connection, database: Path) -> None:
        """Use a connection of its own, which never writes."""
        self._conn = conn
        self._lock = beside(database, ".checkpoint")
        self._fd: int | None = None
        self._drained_at: int | None = None

    def checkpoint(self) -> None:
        """Checkpoint what was committed since the log was last drained, if that is our job."""
        with suppress(sqlite3.Error, OSError):  # a full disk, a lock: the next one will do
            if self._ours() and self._version() != self._drained_at:
                _, pages, moved = self._run("PASSIVE")
                if pages >= LONG_LOG:
                    _, pages, moved = self._run("RESTART")
                if pages == moved:
                    self._drained_at = self._version()

    def close(self) -> None:
        """Leave the job to another process."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _ours(self) -> bool:
        """Take the job if it is free; whoever had it may have drained the log just now."""
        if self._fd is None:
            self._fd = try_lock(self._lock)
            if self._fd is not None:
                self._drained_at = self._version()
        return self._fd is not None

    def _version(self) -> int:
        """Return a number that changes when another connection has committed."""
        (version,) = self._conn.execute("PRAGMA data_version").fetchone()
        return int(version)

    def _run(self, mode: str) -> tuple[int, int, int]:
        busy, pages, moved = self._conn.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        return int(busy), int(pages), int(moved)
