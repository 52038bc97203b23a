"""What SQLite and the operating system say, turned into the two errors of the ledger.

A message names the file and the mend. Only a held write lock is worth another try
(``LedgerBusy``); everything else means that nothing may be forwarded (``LedgerError``).
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from leash_addon.errors import LedgerBusy, LedgerError

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

_MENDS: dict[int, str] = {
    sqlite3.SQLITE_NOTADB: "it is not a database; move it away, or name another file with --db",
    sqlite3.SQLITE_CORRUPT: "it is damaged; run `leash fsck`, or restore a copy",
    sqlite3.SQLITE_FULL: "the disk is full; make room and it recovers by itself",
    sqlite3.SQLITE_READONLY: "it cannot be written; mend the permissions of file and directory, "
    "or name another file with --db",
    sqlite3.SQLITE_PERM: "permission denied; mend the permissions, or name another file with --db",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; mend the permissions of file and directory, "
    "or name another file with --db",
    sqlite3.SQLITE_IOERR: "the disk refuses to read or write it; look for a full disk, a quota or "
    "a file size limit",
}

_OS_MENDS: dict[int, str] = {
    errno.EACCES: "permission denied; mend the permissions, or name another file with --db",
    errno.EPERM: "permission denied; mend the permissions, or name another file with --db",
    errno.EROFS: "its file system is read-only; name another file with --db",
    errno.ENOSPC: "the disk is full; make room and it recovers by itself",
    errno.EDQUOT: "the disk quota is used up; make room and it recovers by itself",
    errno.ENOTDIR: "a part of its path is a file, not a directory; name another file with --db",
    errno.EEXIST: "a part of its path is a file, not a directory; name another file with --db",
    errno.EISDIR: "it is a directory; name a file with --db",
}


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Translate every error that the file at ``path`` can cause."""
    try:
        yield
    except sqlite3.Error as error:
        raise translated(path, error) from error
    except OSError as error:
        mend = _OS_MENDS.get(error.errno or 0, error.strerror or str(error))
        msg = f"ledger {path}: {mend}"
        raise LedgerError(msg) from error
    except (msgspec.MsgspecError, OverflowError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> LedgerError:
    """Return the error for a row that is not what it should be."""
    return LedgerError(
        f"ledger {path}: a row cannot be read or written ({error}); run `leash fsck`"
    )


def translated(path: Path, error: sqlite3.Error) -> LedgerError:
    """Return the ledger's error for one of SQLite's, by its primary result code."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _BUSY:
        return LedgerBusy(f"ledger {path}: another process is writing to it; try again")
    return LedgerError(f"ledger {path}: {_MENDS.get(code, str(error))}")
