"""Slows whoever guesses: an address that fails to authenticate has to wait, longer each time.

Whoever has got in from an address before still does while a neighbour behind the same address
guesses. Memory is bounded: the address that was heard of longest ago is forgotten first.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

FREE_TRIES = 5
"""Failures in a row that cost nothing: typing errors, and clients that try twice."""

LONGEST = 60.0
"""Seconds that an address has to wait at most."""

FORGIVEN = 600.0
"""Seconds without a failure after which an address is as good as new."""

MOST = 10_000
"""Addresses that are remembered."""

KNOWN = 16
"""Tokens that are remembered of one address."""


@dataclass(slots=True)
class Record:
    """What is known of one address. Times are seconds of the caller's clock."""

    failures: int = 0
    last: float = 0.0
    until: float = 0.0
    known: OrderedDict[bytes, None] = field(default_factory=OrderedDict)


class Throttle:
    """The addresses that were heard of. Every method takes ``now`` in seconds."""

    def __init__(self) -> None:
        """Know nobody."""
        self._records: OrderedDict[str, Record] = OrderedDict()

    def __len__(self) -> int:
        """Count the addresses that are remembered."""
        return len(self._records)

    def wait(self, address: str, digest: bytes, now: float) -> float:
        """Return the seconds until an address may try this token; 0: now."""
        record = self._records.get(network_of(address))
        if record is None or digest in record.known:
            return 0.0
        return max(0.0, record.until - now)

    def failed(self, address: str, now: float) -> None:
        """Take note of a wrong token."""
        record = self._record(address)
        if now - record.last > FORGIVEN:
            record.failures = 0
        record.failures, record.last = record.failures + 1, now
        over = record.failures - FREE_TRIES
        if over >= 0:
            record.until = now + min(LONGEST, 2.0 ** min(over, 10))

    def passed(self, address: str, digest: bytes) -> None:
        """Take note of a right token."""
        record = self._records.get(network_of(address))
        if record is not None and digest in record.known:
            return
        known = self._record(address).known
        known[digest] = None
        if len(known) > KNOWN:
            known.popitem(last=False)

    def _record(self, address: str) -> Record:
        name = network_of(address)
        record = self._records.setdefault(name, Record())
        self._records.move_to_end(name)
        if len(self._records) > MOST:
            self._records.popitem(last=False)
        return record


def network_of(address: str) -> str:
    """Return whom an address stands for: itself, or the /64 of one of version 6."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> 64 << 64))
