"""Whose address a call comes from: the peer's, or its client's where the peer is a balancer.

Only balancers that are listed are believed: ``X-Forwarded-For`` is read from its end, the part
that they wrote, and the PROXY protocol (versions 1 and 2,
https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt, 2020-03) only before anything else.
"""

import ipaddress
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from leash_addon.config.reachable import Network

V1 = b"PROXY "
V2 = b"\r\n\r\n\x00\r\nQUIT\n"
LONGEST_V1 = 107
LONGEST_V2 = 16 + 2048
"""Bytes: what follows the addresses (TLVs) is skipped, and bounded here."""

MOST_HOPS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A whole PROXY header. ``client``: address and port; ``None``: the balancer itself speaks."""

    size: int
    client: tuple[str, int] | None


@dataclass(frozen=True, slots=True)
class Balancers:
    """The networks whose word about their clients is taken."""

    networks: Sequence[Network] = ()

    def trusts(self, address: str) -> bool:
        """Tell whether an address is a balancer's."""
        if not self.networks:
            return False
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
            ip = ip.ipv4_mapped
        return any(ip in network for network in self.networks)

    def client_of(self, peer: str, headers: Mapping[str, str]) -> str:
        """Return the client's address. ``headers``: names in lower case, several joined by commas.

        The last hop that is no balancer is the client; whatever stands before it was its own word.
        """
        if not self.trusts(peer):
            return peer
        client = peer
        for hop in _hops(headers.get("x-forwarded-for", "")):
            client = hop
            if not self.trusts(hop):
                break
        return client


def _hops(value: str) -> Iterable[str]:
    """Yield the addresses from the end; what is no address ends it."""
    for part in reversed(value.split(",")[-MOST_HOPS:]):
        text = part.strip()
        if text.startswith("["):
            text = text[1:].partition("]")[0]
        elif text.count(":") == 1:
            text = text.partition(":")[0]
        try:
            yield str(ipaddress.ip_address(text))
        except ValueError:
            return


def announces(data: bytes) -> bool:
    """Tell whether a connection's first bytes begin, or may begin, a PROXY header."""
    return any(data[: len(mark)] == mark[: len(data)] for mark in (V1, V2)) if data else False


def read_announced(data: bytes) -> Announced | None:
    """Read a PROXY header; ``None``: more bytes are needed. Raises ``ValueError`` for a bad one."""
    if data[: len(V2)] == V2[: len(data)]:
        return _read_v2(data)
    end = data.find(b"\r\n", 0, LONGEST_V1)
    if end < 0:
        if len(data) >= LONGEST_V1:
            msg = "a PROXY line without an end"
            raise ValueError(msg)
        return None
    words = data[:end].decode("ascii").split(" ")
    match words:
        case ["PROXY", "UNKNOWN", *_]:
            return Announced(size=end + 2, client=None)
        case ["PROXY", "TCP4" | "TCP6", source, _, port, _]:
            return Announced(size=end + 2, client=(str(ipaddress.ip_address(source)), int(port)))
        case _:
            msg = "no PROXY line"
            raise ValueError(msg)


def _read_v2(data: bytes) -> Announced | None:
    if len(data) < 16:  # noqa: PLR2004 - signature, version, family, length
        return None
    version, family, length = struct.unpack("!BBH", data[12:16])
    if version >> 4 != 2 or version & 15 > 1 or 16 + length > LONGEST_V2:  # noqa: PLR2004
        msg = "no PROXY header of version 2"
        raise ValueError(msg)
    if len(data) < 16 + length:
        return None
    body = data[16 : 16 + length]
    size, is_local = 16 + length, version & 15 == 0
    width = {0x11: 4, 0x21: 16}.get(family)
    if is_local or width is None:
        return Announced(size=size, client=None)
    if length < 2 * width + 4:
        msg = "a PROXY header whose addresses are cut off"
        raise ValueError(msg)
    source = str(ipaddress.ip_address(body[:width]))
    (port,) = struct.unpack("!H", body[2 * width : 2 * width + 2])
    return Announced(size=size, client=(source, port))
