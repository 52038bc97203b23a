"""How many connections there may be at once: in all, and from one address.

Descriptors are what runs out first, and a call needs two: one to its client, one to its provider.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from leash_addon.proxy.throttle import network_of

SPARE = 256
"""Descriptors for everything but connections: ledger, log, admin port, lookups of names."""

MOST = 20_000
"""Connections in all, unless somebody says otherwise: about 50 MB while all of them say nothing."""

FEWEST = 16
SHARE = 4
"""One address may have one part in so many of all connections."""


class Full(StrEnum):
    """The setting that is used up."""

    ALL = "max_connections"
    ONE = "max_connections_per_ip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Connections at once. ``None``: as many as come."""

    in_all: int | None = None
    from_one: int | None = None


def room_for(descriptors: int, *, in_all: int | None, from_one: int | None) -> Room:
    """Return what was asked for, or else what so many descriptors allow; 0: not known."""
    usual = (descriptors - SPARE) // 2 if descriptors else MOST
    total = in_all or max(FEWEST, min(MOST, usual))
    return Room(in_all=total, from_one=from_one or max(FEWEST, total // SHARE))


class Crowd:
    """The connections that are there. ``exempt``: addresses that speak for many, balancers."""

    def __init__(self, room: Room, exempt: Callable[[str], bool] = lambda _: False) -> None:
        """Begin with nobody."""
        self.room, self._exempt = room, exempt
        self._from: Counter[str] = Counter()
        self.count = 0

    def full(self, address: str) -> Full | None:
        """Say which bound another connection from this address would break."""
        room = self.room
        there = self._from[network_of(address)]
        if room.from_one is not None and there >= room.from_one and not self._exempt(address):
            return Full.ONE
        if room.in_all is not None and self.count >= room.in_all:
            return Full.ALL
        return None

    def enter(self, address: str) -> None:
        """Count a connection in."""
        self.count += 1
        self._from[network_of(address)] += 1

    def leave(self, address: str) -> None:
        """Count it out again."""
        network = network_of(address)
        self.count -= 1
        self._from[network] -= 1
        if self._from[network] <= 0:
            del self._from[network]
