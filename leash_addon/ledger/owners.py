"""The owners of a ledger's holds, as the database and its ``Presence`` show them."""

from collections.abc import Iterable

from leash_addon.core.money import Instant
from leash_addon.ledger.books import Books
from leash_addon.ledger.database import Database
from leash_addon.ledger.owner import LEASE, Lease, Owner
from leash_addon.ledger.settling import sweep_owners
from leash_addon.ledger.store import Claim, Footprint


class Owners:
    """Who else accounts in this ledger, and ourselves once we have entered (``me``)."""

    def __init__(self, database: Database) -> None:
        """Look at the owners in a database."""
        self.me: Owner | None = None
        self._database = database
        self._presence = database.presence

    # --- ourselves

    def enter(self, now: Instant) -> str:
        """Return our id; on first need take one, its lock and a lease."""
        if self.me is None:
            self.me = self._presence.enter()
            try:
                self.renew(now)
            except BaseException:
                self.leave()
                raise
        return self.me.id

    def renew(self, now: Instant) -> None:
        """Write our lease; also after a sweeper on another machine took us for dead."""
        if self.me is not None:
            at = self._presence.moment(now)
            until = Instant(at + LEASE)
            claim = Claim(self.me.id, self.me.machine, self.me.host, self.me.pid, at, until)
            with self._database.transaction(Footprint()) as books:
                books.store.claim(claim)

    def withdraw(self, now: Instant | None) -> Books | None:
        """Give our lease up; with ``now`` our open calls settle at their hold."""
        if self.me is None:
            return None
        mine = (self.me.id,)
        with self._database.transaction(Footprint(owners=() if now is None else mine)) as books:
            if now is not None:
                sweep_owners(books, mine, now)
            books.store.forget(self.me.id)
        self._forget(mine)
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
        with self._database.transaction(Footprint(owners=tuple(dead))) as books:
            sweep_owners(books, dead, now)
        self._forget(dead)
        return books

    def alive(self, owner: str, now: Instant) -> bool:
        """Tell whether an owner may still settle its calls."""
        return self._lives(self._leases(), owner, now)

    def orphans(self, now: Instant) -> int:
        """Count the open calls whose owners are dead: the next sweep settles them."""
        leases = self._leases()
        holders = [str(owner) for (owner,) in self._database.query("SELECT owner FROM holds")]
        dead = {owner for owner in set(holders) if not self._lives(leases, owner, now)}
        return sum(owner in dead for owner in holders)

    def _dead(self, now: Instant) -> list[str]:
        leases = self._leases()
        holders = {str(owner) for (owner,) in self._database.query("SELECT owner FROM holds")}
        return sorted(
            owner for owner in holders | leases.keys() if not self._lives(leases, owner, now)
        )

    def _lives(self, leases: dict[str, Lease], owner: str, now: Instant) -> bool:
        if self.me is not None and owner == self.me.id:
            return True
        nothing = Lease(id=owner, machine=self._presence.here, until=Instant(0))
        return self._presence.lives(leases.get(owner, nothing), self._presence.moment(now))

    def _leases(self) -> dict[str, Lease]:
        rows = self._database.query("SELECT id, machine, lease_until FROM owners")
        return {name: Lease(id=name, machine=where, until=Instant(at)) for name, where, at in rows}

    def _forget(self, owners: Iterable[str]) -> None:
        for owner in owners:
            self._presence.forget(owner)
