"""One connection to a ledger's file, and the names of the files beside it."""

import sqlite3
from pathlib import Path


def connect(file: Path, *, wait: float) -> sqlite3.Connection:
    """Connect with the settings that every connection of a ledger has.

    ``wait``: seconds that a statement may block for another process's lock.
    """
    conn = sqlite3.connect(file, timeout=wait, isolation_level=None, check_same_thread=False)
    try:
        conn.execute("PRAGMA wal_autocheckpoint=0")
        conn.execute("PRAGMA synchronous=NORMAL")
        conn.execute("PRAGMA trusted_schema=OFF")
    except BaseException:
        conn.close()
        raise
    return conn


def beside(file: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to a database: ``leash.db.lock``."""
    return file.with_name(file.name + suffix)
