"""What the proxy saw and what passed it by, for the line that says whether a run was governed."""

from collections import Counter
from dataclasses import dataclass, field

MOST_HOSTS = 1_000
"""Hosts counted by name; a client that invents names cannot fill the memory."""


@dataclass(slots=True)
class Coverage:
    """Counts since the proxy began.

    ``calls``: admitted, ``blind`` those of them that nothing can meter; ``refused``: answered by
    leash; ``free``: requests to providers that are no calls; ``unread``: images, sound and files
    that screening passed over. ``sent`` and ``received``: bytes of
    bodies of admitted calls. By host: ``direct``: tried past leash in a jail, which let nothing
    out; ``tunnelled`` untouched; ``distrusted``: the client broke the TLS handshake off (our CA is
    not trusted there); ``mismatched``: CONNECT and SNI named different hosts; ``denied``: nobody's,
    and passthrough does not let it through.
    """

    calls: int = 0
    blind: int = 0
    refused: int = 0
    free: int = 0
    unread: int = 0
    sent: int = 0
    received: int = 0
    direct: Counter[str] = field(default_factory=Counter)
    tunnelled: Counter[str] = field(default_factory=Counter)
    distrusted: Counter[str] = field(default_factory=Counter)
    denied: Counter[str] = field(default_factory=Counter)
    mismatched: Counter[str] = field(default_factory=Counter)

    @property
    def gaps(self) -> tuple[str, ...]:
        """Say what went to a provider, or tried to, without being metered; empty: nothing."""
        distrusting = f" broken off: no trust in leash's CA ({_hosts(self.distrusted)})"
        found = (
            (self.blind, "call", " that no meter can read"),
            (self.distrusted.total(), "handshake", distrusting),
            (self.mismatched.total(), "connection", f" of two names ({_hosts(self.mismatched)})"),
        )
        return tuple(
            f"{number} {what}{'' if number == 1 else 's'}{more}"
            for number, what, more in found
            if number
        )

    @property
    def kept_in(self) -> str:
        """Say what a jail has kept in; empty: nothing was tried."""
        number = self.direct.total()
        tried = "1 attempt" if number == 1 else f"{number} attempts"
        return f"{tried} to get past leash went nowhere: {_hosts(self.direct)}" if number else ""

    def counts(self) -> dict[str, int]:
        """Return what is kept on record: counts by name, those of hosts as ``tunnelled HOST``."""
        plain = {name: getattr(self, name) for name in PLAIN}
        hosts = {
            f"{name} {host}": number
            for name in BY_HOST
            for host, number in getattr(self, name).most_common(MOST_RECORDED)
        }
        return {name: number for name, number in (plain | hosts).items() if number}


PLAIN = ("calls", "blind", "refused", "free", "unread", "sent", "received")
BY_HOST = ("direct", "tunnelled", "distrusted", "mismatched", "denied")
MOST_RECORDED = 20
"""Hosts of each kind that the journal names."""


def _hosts(hosts: Counter[str]) -> str:
    named = [host or "a host without a name" for host, _ in hosts.most_common(3)]
    return ", ".join(named) + (" and others" if len(hosts) > len(named) else "")


def count(hosts: Counter[str], host: str) -> None:
    """Count a host, under ``(others)`` once there are too many names."""
    hosts[host if host in hosts or len(hosts) < MOST_HOSTS else "(others)"] += 1
