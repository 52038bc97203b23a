"""What a jailed command tried past leash, read from the packets that it sent: addresses and names.

Formats: IPv4 RFC 791, IPv6 RFC 8200, TCP RFC 9293, UDP RFC 768, DNS RFC 1035 (rfc-editor.org).
A packet that is cut short or is none of these tells nothing; nothing here raises.
"""

from ipaddress import ip_address

TCP, UDP, DNS = 6, 17, 53
SYN, RST, ACK = 0x02, 0x04, 0x10
LONGEST_NAME = 253


def attempt_in(packet: bytes) -> str | None:
    """Name where a packet wanted to go: ``203.0.113.7:443``, ``udp 203.0.113.7:443``.

    A question for a name is ``the name api.example.com``; a refusal on loopback names who refused.
    ``None``: it tells of no attempt.
    """
    try:
        match packet[0] >> 4:
            case 4:
                rest = packet[(packet[0] & 15) * 4 :]
                return _within(packet[9], packet[12:16], packet[16:20], rest)
            case 6:
                return _within(packet[6], packet[8:24], packet[24:40], packet[40:])
            case _:
                return None
    except (IndexError, ValueError):
        return None


def _within(protocol: int, source: bytes, target: bytes, rest: bytes) -> str | None:
    port = int.from_bytes(rest[2:4]) if len(rest) >= 8 else 0  # noqa: PLR2004 - both heads have it
    if port == 0:
        return None
    if protocol == TCP:
        return _connection(source, target, rest)
    if protocol != UDP or ip_address(target).is_multicast:
        return None
    return _question(rest[8:]) if port == DNS else f"udp {_where(target, port)}"


def _connection(source: bytes, target: bytes, segment: bytes) -> str | None:
    """Read the beginning of a connection, or the refusal of one on loopback.

    On loopback nothing else tells a server of the command's own from one that is outside.
    """
    flags = segment[13]
    if flags & (SYN | ACK) == SYN:
        return _where(target, int.from_bytes(segment[2:4]))
    is_refusal = flags == RST | ACK and not any(segment[4:8])
    if is_refusal and ip_address(source).is_loopback:
        return _where(source, int.from_bytes(segment[:2]))
    return None


def _where(address: bytes, port: int) -> str:
    found = ip_address(address)
    return f"[{found}]:{port}" if found.version == 6 else f"{found}:{port}"  # noqa: PLR2004


def _question(message: bytes) -> str | None:
    """Return the first name that a DNS message asks for."""
    labels, at = [], 12
    while size := message[at]:
        labels.append(message[at + 1 : at + 1 + size].decode("ascii", "replace"))
        at += 1 + size
    name = ".".join(labels)
    plain = "".join(letter if letter.isprintable() else "?" for letter in name)
    return f"the name {plain}" if 0 < len(plain) <= LONGEST_NAME else None
