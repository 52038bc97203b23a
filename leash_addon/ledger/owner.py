"""Who may have open calls: one random id per process, and how the others see that it lives.

On one machine an owner holds the OS lock of a file (``<db>.owners/<id>.lock``): it lives exactly
as long as that lock is held, also when it is stopped or asleep, and is known to be dead the moment
it is gone. Across machines, where locks cannot be seen, it lives until its lease in the database
runs out. A machine is its boot id; a process without a lock file that we can see is judged by its
lease even then, since two containers share a boot id and may not share a directory.
"""

import os
import platform
import secrets
from dataclasses import dataclass
from pathlib import Path

from leash_addon.core.money import SECOND, Instant
from leash_addon.ledger.locks import is_free, try_lock

LEASE = 30 * SECOND
"""A lease is renewed every few seconds, so that losing one takes several missed heartbeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """This process, as the owner of holds."""

    id: str
    machine: str
    host: str
    pid: int
    lock: Path
    fd: int

    def leave(self) -> None:
        """Give the lock up."""
        os.close(self.fd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """An owner as the database knows it."""

    id: str
    machine: str
    until: Instant


def become_owner(directory: Path) -> Owner:
    """Take a new id and its lock."""
    directory.mkdir(mode=0o700, exist_ok=True)
    name = secrets.token_hex(8)
    lock = directory / f"{name}.lock"
    fd = try_lock(lock)
    if fd is None:
        msg = f"{lock} is locked already"
        raise BlockingIOError(msg)
    return Owner(
        id=name, machine=machine(), host=platform.node(), pid=os.getpid(), lock=lock, fd=fd
    )


def lives(lease: Lease, directory: Path, here: str, now: Instant) -> bool:
    """Tell whether an owner may still settle its calls. ``here``: this machine."""
    if lease.machine == here:
        free = is_free(directory / f"{lease.id}.lock")
        if free is not None:
            return not free
    return lease.until > now


def machine() -> str:
    """Return what tells this machine (one boot of one kernel) from others."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return platform.node()
