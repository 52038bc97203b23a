"""File locks between processes of one machine.

``flock`` and not ``lockf``: a POSIX record lock is lost as soon as the process closes any
descriptor of the file, and it does not see a second holder in the same process. The kernel drops
a ``flock`` when its process dies, however it dies. Locks are never taken on SQLite's own files:
closing them would drop SQLite's locks (https://sqlite.org/howtocorrupt.html section 2.2).
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from leash_addon.errors import LedgerBusy

_PAUSE = 0.01


def try_lock(path: Path) -> int | None:
    """Create and lock a file; return its descriptor, or ``None`` when another holds it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def is_free(path: Path) -> bool | None:
    """Tell whether nobody holds the lock of a file; ``None`` when there is no such file."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two lookers do not see each other
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


@contextmanager
def locked(path: Path, *, wait: float) -> Iterator[None]:
    """Hold the lock of a file; ``LedgerBusy`` when it is not free within ``wait`` seconds."""
    until = time.monotonic() + wait
    while (fd := try_lock(path)) is None:
        if time.monotonic() >= until:
            msg = f"ledger: {path} is held by another process that opens the database; try again"
            raise LedgerBusy(msg)
        time.sleep(_PAUSE)
    try:
        yield
    finally:
        os.close(fd)
