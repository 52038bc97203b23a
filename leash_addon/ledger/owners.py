"""The owners of a ledger's holds, as the database and the lock files beside it show them."""

import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from leash_addon.core.money import Instant
from leash_addon.ledger.books import Books
from leash_addon.ledger.owner import LEASE, Lease, Owner, become_owner, lives, machine
from leash_addon.ledger.settling import sweep_owners
from leash_addon.ledger.transaction import Transaction

_RENEW = (
    "INSERT INTO owners (id, machine, host, pid, started_at, lease_until) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until"
)


class Owners:
    """Who else accounts in this ledger, and ourselves once we have entered (``me``)."""

    def __init__(
        self, conn: sqlite3.Connection, directory: Path, begin: Callable[[], Transaction]
    ) -> None:
        """Look at the owners in a database and at the lock files in ``directory``."""
        self.me: Owner | None = None
        self._conn = conn
        self._directory = directory
        self._begin = begin
        self._here = machine()

    # --- ourselves

    def enter(self, now: Instant) -> str:
        """Return our id; on first need take one, its lock and a lease."""
        if self.me is None:
            self.me = become_owner(self._directory)
            try:
                self.renew(now)
            except BaseException:
                self.leave()
                raise
        return self.me.id

    def renew(self, now: Instant) -> None:
        """Write our lease; also after a sweeper on another machine took us for dead."""
        if self.me is not None:
            row = (self.me.id, self.me.machine, self.me.host, self.me.pid, now, now + LEASE)
            with self._begin() as books:
                books.conn.execute(_RENEW, row)

    def withdraw(self, now: Instant | None) -> Books | None:
        """Give our lease up; with ``now`` our open calls settle at their hold."""
        if self.me is None:
            return None
        with self._begin() as books:
            if now is not None:
                sweep_owners(books, [self.me.id], now)
            books.conn.execute("DELETE FROM owners WHERE id = ?", (self.me.id,))
        self._forget([self.me.id])
        return books

    def leave(self) -> None:
        """Give our lock up. Where our lease is still there, the free lock tells the others."""
        if self.me is not None:
            self.me.leave()
            self.me = None

    # --- the others

    def sweep(self, now: Instant) -> Books | None:
        """Settle the holds of dead owners at their amounts; ``None`` when nobody is dead."""
        dead = self._dead(now)
        if not dead:
            return None
        with self._begin() as books:
            sweep_owners(books, dead, now)
        self._forget(dead)
        return books

    def alive(self, owner: str, now: Instant) -> bool:
        """Tell whether an owner may still settle its calls."""
        return self._lives(self._leases(), owner, now)

    def _dead(self, now: Instant) -> list[str]:
        leases = self._leases()
        holders = {str(owner) for (owner,) in self._conn.execute("SELECT owner FROM holds")}
        return sorted(
            owner for owner in holders | leases.keys() if not self._lives(leases, owner, now)
        )

    def _lives(self, leases: dict[str, Lease], owner: str, now: Instant) -> bool:
        if self.me is not None and owner == self.me.id:
            return True
        nothing = Lease(id=owner, machine=self._here, until=Instant(0))
        return lives(leases.get(owner, nothing), self._directory, self._here, now)

    def _leases(self) -> dict[str, Lease]:
        rows = self._conn.execute("SELECT id, machine, lease_until FROM owners").fetchall()
        return {name: Lease(id=name, machine=where, until=Instant(at)) for name, where, at in rows}

    def _forget(self, owners: Iterable[str]) -> None:
        for owner in owners:
            with suppress(OSError):
                (self._directory / f"{owner}.lock").unlink()
