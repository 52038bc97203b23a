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
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from leash_addon.core.money import SECOND, Instant
from leash_addon.ledger.locks import is_free, try_lock

LEASE = 30 * SECOND
"""A lease is renewed every few seconds, so that losing one takes several missed heartbeats."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """This process, as the owner of holds. ``lock``, ``fd``: its lock file, where it has one."""

    id: str
    machine: str
    host: str
    pid: int
    lock: Path | None = None
    fd: int | None = None

    def leave(self) -> None:
        """Give the lock up."""
        if self.fd is not None:
            os.close(self.fd)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """An owner as the database knows it."""

    id: str
    machine: str
    until: Instant


class Presence(Protocol):
    """How owners see one another live. ``here``: this machine."""

    here: str

    def enter(self) -> Owner:
        """Become an owner under a new id."""

    def moment(self, now: Instant) -> Instant:
        """Return our clock's ``now`` by the clock that leases are written in."""

    def lives(self, lease: Lease, now: Instant) -> bool:
        """Tell whether an owner may still settle its calls."""

    def forget(self, owner: str) -> None:
        """Clear away what an owner that is gone has left."""


class LockFiles:
    """Owners of one machine, and those of others by their leases alone."""

    def __init__(self, directory: Path) -> None:
        """Look at the lock files in a directory, made when somebody enters."""
        self.here = machine()
        self._directory = directory

    def enter(self) -> Owner:
        """Take a new id and its lock."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        name = secrets.token_hex(8)
        lock = self._lock(name)
        fd = try_lock(lock)
        if fd is None:
            msg = f"{lock} is locked already"
            raise BlockingIOError(msg)
        return owner(name, self.here, lock=lock, fd=fd)

    def moment(self, now: Instant) -> Instant:
        """Write leases by our own clock."""
        return now

    def lives(self, lease: Lease, now: Instant) -> bool:
        """Ask the lock, and where there is none to see the lease."""
        if lease.machine == self.here:
            free = is_free(self._lock(lease.id))
            if free is not None:
                return not free
        return lease.until > now

    def forget(self, owner: str) -> None:
        """Remove a lock file."""
        with suppress(OSError):
            self._lock(owner).unlink()

    def _lock(self, name: str) -> Path:
        return self._directory / f"{name}.lock"


def owner(name: str, here: str, *, lock: Path | None = None, fd: int | None = None) -> Owner:
    """Return this process as an owner."""
    return Owner(id=name, machine=here, host=platform.node(), pid=os.getpid(), lock=lock, fd=fd)


def machine() -> str:
    """Return what tells this machine (one boot of one kernel) from others."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return platform.node()
