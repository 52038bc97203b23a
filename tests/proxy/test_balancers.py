"""Whose address a call comes from."""

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.proxy.balancers import (
    LONGEST_V1,
    V2,
    Announced,
    Balancers,
    announces,
    read_announced,
)

TRUSTING = Balancers((ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        pytest.param("192.0.2.1", "203.0.113.9", "192.0.2.1", id="forged by a client"),
        pytest.param("10.0.0.1", "203.0.113.9", "203.0.113.9", id="a balancer's client"),
        pytest.param(
            "10.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9", id="forged before a balancer"
        ),
        pytest.param("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9", id="two balancers"),
        pytest.param("10.0.0.1", "nonsense, 203.0.113.9", "203.0.113.9", id="nonsense before"),
        pytest.param("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1", id="nonsense last"),
        pytest.param("10.0.0.1", "", "10.0.0.1", id="nothing said"),
        pytest.param("10.0.0.1", "203.0.113.9:4711", "203.0.113.9", id="with a port"),
        pytest.param("fd00::1", "[2001:db8::1]:443", "2001:db8::1", id="version 6"),
        pytest.param("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9", id="mapped balancer"),
        pytest.param("", "203.0.113.9", "", id="no peer"),
    ],
)
def test_only_balancers_are_believed(peer: str, forwarded: str, expected: str) -> None:
    """The client is the last hop that no balancer of ours is, and the peer where none speaks."""
    assert TRUSTING.client_of(peer, {"x-forwarded-for": forwarded}) == expected


def v2(family: int, body: bytes, version: int = 0x21) -> bytes:
    """Write a PROXY header of version 2."""
    return V2 + struct.pack("!BBH", version, family, len(body)) + body


TCP4 = bytes([192, 0, 2, 1, 10, 0, 0, 1]) + struct.pack("!HH", 4711, 443)
TCP6 = ipaddress.ip_address("2001:db8::1").packed * 2 + struct.pack("!HH", 4711, 443)
HEADERS = [
    pytest.param(b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n", ("192.0.2.1", 4711), id="v1"),
    pytest.param(b"PROXY TCP6 2001:db8::1 ::1 4711 443\r\n", ("2001:db8::1", 4711), id="v1, 6"),
    pytest.param(b"PROXY UNKNOWN\r\n", None, id="v1, unknown"),
    pytest.param(v2(0x11, TCP4), ("192.0.2.1", 4711), id="v2"),
    pytest.param(v2(0x21, TCP6), ("2001:db8::1", 4711), id="v2, 6"),
    pytest.param(v2(0x11, TCP4 + b"\x04\x00\x01x"), ("192.0.2.1", 4711), id="v2 with a TLV"),
    pytest.param(v2(0x00, b"", 0x20), None, id="v2, local"),
]


@pytest.mark.parametrize(("raw", "client"), HEADERS)
def test_a_header_is_read_whole_or_not_yet(raw: bytes, client: tuple[str, int] | None) -> None:
    """Each cut of a header waits for more; the whole one gives the client and its own length."""
    assert read_announced(raw + b"GET / HTTP/1.1\r\n") == Announced(size=len(raw), client=client)
    for end in range(1, len(raw)):
        assert announces(raw[:end])
        assert read_announced(raw[:end]) is None


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"PROXY TCP4 nonsense 10.0.0.1 1 2\r\n", id="no address"),
        pytest.param(b"PROXY TCP4 1.2.3.4\r\n", id="cut off"),
        pytest.param(b"PROXY " + b"x" * LONGEST_V1, id="endless"),
        pytest.param(b"PROXY \xff\r\n", id="no ASCII"),
        pytest.param(v2(0x11, TCP4[:6]), id="addresses cut off"),
        pytest.param(V2 + struct.pack("!BBH", 0x21, 0x11, 65_535), id="endless v2"),
        pytest.param(v2(0x11, TCP4, 0x31), id="version 3"),
    ],
)
def test_a_bad_header_is_an_error(raw: bytes) -> None:
    """What is no header ends the connection instead of being guessed at."""
    with pytest.raises(ValueError, match=r".*"):
        read_announced(raw)


@given(st.binary(max_size=300))
def test_nothing_but_a_value_error(raw: bytes) -> None:
    """Whatever bytes come, a header is read, waited for or refused as bad."""
    for beginning in (b"", b"PROXY ", V2, V2 + b"\x21\x11\x00\x0c"):
        try:
            read_announced(beginning + raw)
        except ValueError:
            continue
