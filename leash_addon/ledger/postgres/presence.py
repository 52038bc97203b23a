"""Owners on many machines: alive as long as their leases run, by the clock of the database."""

import platform
import secrets

from leash_addon.core.money import Instant
from leash_addon.ledger.owner import Lease, Owner, machine, owner
from leash_addon.ledger.postgres.pool import Pool


class Leases:
    """A ``Presence`` without lock files: machines see nothing of one another but the database.

    A container's boot id is its host's, so a machine bears its name as well.
    """

    def __init__(self, pool: Pool) -> None:
        """Tell the time as the database that the pool connects to."""
        self.here = f"{machine()} {platform.node()}"
        self._pool = pool

    def enter(self) -> Owner:
        """Take a new id."""
        return owner(secrets.token_hex(8), self.here)

    def moment(self, now: Instant) -> Instant:
        """Correct our clock by as much as it differs from the database's."""
        return Instant(now + self._pool.skew)

    def lives(self, lease: Lease, now: Instant) -> bool:
        """Look at the lease."""
        return lease.until > now

    def forget(self, owner: str) -> None:
        """Leave nothing behind."""
