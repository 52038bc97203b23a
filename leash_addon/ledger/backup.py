"""A copy of the ledger while others write to it."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from leash_addon.errors import UsageError


def backup(conn: sqlite3.Connection, file: Path) -> int:
    """Copy the database into a new file (0600), as it stands at one moment; return its bytes.

    The file is whole and synced when this returns, and not there when it fails. Raises
    ``UsageError`` where something is there already.
    """
    try:
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        msg = f"{file}: is there already; name a new file"
        raise UsageError(msg) from None
    except OSError as error:
        msg = f"{file}: cannot be made ({error.strerror})"
        raise UsageError(msg) from None
    try:
        with closing(sqlite3.connect(file, isolation_level=None)) as copy:
            conn.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
        with file.open("rb") as whole:
            os.fsync(whole.fileno())
    except BaseException:
        with suppress(OSError):
            file.unlink()
        raise
    return file.stat().st_size
