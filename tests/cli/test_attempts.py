"""What packets tell of attempts to get past a jail."""

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.cli.attempts import attempt_in

SYN, SYN_ACK, RST, RST_ACK = 0x02, 0x12, 0x04, 0x14


def ip(protocol: int, to: str, payload: bytes, *, by: str = "0.0.0.0") -> bytes:
    """Make an IP packet."""
    address = ip_address(to).packed
    if len(address) == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 0, 0, 64, protocol, 0)
        return head + ip_address(by).packed + address + payload
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + bytes(16) + address + payload


def tcp(port: int, flags: int = SYN) -> bytes:
    """Make the head of a TCP segment."""
    return struct.pack("!HHIIBBHHH", 40000, port, 0, 0, 0x50, flags, 0, 0, 0)


def udp(port: int, message: bytes = b"x") -> bytes:
    """Make a UDP datagram."""
    return struct.pack("!HHHH", 40000, port, 8 + len(message), 0) + message


def question(name: str) -> bytes:
    """Ask for a name's addresses."""
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    return struct.pack("!HHHHHH", 1, 0x0100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        pytest.param(ip(6, "203.0.113.7", tcp(443)), "203.0.113.7:443", id="a connection"),
        pytest.param(ip(6, "2001:db8::5", tcp(22)), "[2001:db8::5]:22", id="over IPv6"),
        pytest.param(ip(6, "203.0.113.7", tcp(443, SYN_ACK)), None, id="an answer"),
        pytest.param(ip(6, "203.0.113.7", tcp(443, RST)), None, id="a refusal"),
        pytest.param(ip(6, "203.0.113.7", tcp(443, RST_ACK)), None, id="a refusal of a SYN"),
        pytest.param(
            ip(6, "127.0.0.1", tcp(443, RST_ACK), by="127.0.0.1"), "127.0.0.1:40000", id="no server"
        ),
        pytest.param(ip(17, "203.0.113.7", udp(443)), "udp 203.0.113.7:443", id="QUIC"),
        pytest.param(
            ip(17, "10.0.0.2", udp(53, question("api.openai.com"))),
            "the name api.openai.com",
            id="a name",
        ),
        pytest.param(
            ip(17, "10.0.0.2", udp(53, question("a\x1b[31m"))), "the name a?[31m", id="odd"
        ),
        pytest.param(ip(17, "224.0.0.251", udp(5353)), None, id="multicast"),
        pytest.param(ip(1, "203.0.113.7", bytes(8)), None, id="a ping"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_a_packet_names_where_it_wanted_to_go(packet: bytes, expected: str | None) -> None:
    """The beginning of a connection, a datagram or a question is an attempt; nothing else is."""
    assert attempt_in(packet) == expected


@given(st.binary(max_size=80))
def test_no_packet_raises(packet: bytes) -> None:
    """Whatever a command sends is read without an error."""
    for version in (b"", b"\x45", b"\x60"):
        found = attempt_in(version + packet)
        assert found is None or found.isprintable()
