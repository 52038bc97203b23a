"""What the proxy saw and what passed it by, for the line that says whether a run was governed."""

from collections import Counter
from dataclasses import dataclass, field

MOST_HOSTS = 1_000
"""Hosts counted by name; a client that invents names cannot fill the memory."""


@dataclass(slots=True)
class Coverage:
    """Counts since the proxy began.

    ``calls``: admitted; ``refused``: answered by leash; ``free``: requests to providers that are
    no calls. By host: ``tunnelled`` untouched; ``distrusted``: the client broke the TLS handshake
    off (our CA is not trusted there); ``mismatched``: CONNECT and SNI named different hosts;
    ``denied``: nobody's, and passthrough does not let it through.
    """

    calls: int = 0
    refused: int = 0
    free: int = 0
    tunnelled: Counter[str] = field(default_factory=Counter)
    distrusted: Counter[str] = field(default_factory=Counter)
    denied: Counter[str] = field(default_factory=Counter)
    mismatched: Counter[str] = field(default_factory=Counter)


def count(hosts: Counter[str], host: str) -> None:
    """Count a host, under ``(others)`` once there are too many names."""
    hosts[host if host in hosts or len(hosts) < MOST_HOSTS else "(others)"] += 1
