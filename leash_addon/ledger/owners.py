"""The owners of a ledger's holds, as the database and the lock files beside it show them."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from leash_addon.core.money import Instant
from leash_addon.ledger.owner import LEASE, Lease, Owner, become_owner, lives, machine

_RENEW = (
    "INSERT INTO owners (id, machine, host, pid, started_at, lease_until) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until"
)


class Owners:
    """Who else accounts in this ledger, and ourselves once we have entered (``me``)."""

    def __init__(self, conn: sqlite3.Connection, directory: Path) -> None:
        """Look at the owners in a database and at the lock files in ``directory``."""
        self.me: Owner | None = None
        self._conn = conn
        self._directory = directory
        self._here = machine()

    def enter(self, now: Instant) -> Owner:
        """Take an id, its lock and a lease. The caller commits."""
        self.me = become_owner(self._directory)
        try:
            self.renew(now)
        except BaseException:
            self.me.leave()
            self.me = None
            raise
        return self.me

    def renew(self, now: Instant) -> None:
        """Write our lease; also after a sweeper on another machine took us for dead."""
        if self.me is not None:
            row = (self.me.id, self.me.machine, self.me.host, self.me.pid, now, now + LEASE)
            self._conn.execute(_RENEW, row)

    def dead(self, now: Instant) -> list[str]:
        """Return the owners that cannot settle their calls any more, rows without an owner too."""
        leases = self._leases()
        holders = {str(owner) for (owner,) in self._conn.execute("SELECT owner FROM holds")}
        return sorted(
            owner for owner in holders | leases.keys() if not self._lives(leases, owner, now)
        )

    def lives(self, owner: str, now: Instant) -> bool:
        """Tell whether an owner may still settle its calls."""
        return self._lives(self._leases(), owner, now)

    def _lives(self, leases: dict[str, Lease], owner: str, now: Instant) -> bool:
        if self.me is not None and owner == self.me.id:
            return True
        lease = leases.get(owner)
        return lease is not None and lives(lease, self._directory, self._here, now)

    def _leases(self) -> dict[str, Lease]:
        rows = self._conn.execute("SELECT id, machine, lease_until FROM owners").fetchall()
        return {name: Lease(id=name, machine=where, until=Instant(at)) for name, where, at in rows}

    def has_holds(self, owner: str) -> bool:
        """Tell whether an owner has open calls."""
        found = self._conn.execute("SELECT 1 FROM holds WHERE owner = ? LIMIT 1", (owner,))
        return found.fetchone() is not None

    def remove(self, owner: str) -> None:
        """Delete an owner's lease. The caller commits."""
        self._conn.execute("DELETE FROM owners WHERE id = ?", (owner,))

    def forget(self, owners: Sequence[str]) -> None:
        """Remove the lock files of owners that were swept."""
        for owner in owners:
            with suppress(OSError):
                (self._directory / f"{owner}.lock").unlink()
