"""Hostile clients of a shared proxy: the real server, raw sockets, and what is left of it after."""

import asyncio
import json
import resource
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from zlib import crc32

import pytest
import pytest_asyncio

from leash_addon.cli.fakeprovider import FakeProvider, Script
from leash_addon.core.journal import CallSettled
from leash_addon.core.money import Instant
from leash_addon.core.reading import Outcome
from leash_addon.ledger import open_ledger
from tests.e2e.gateway import CHAT, MASTER, QUESTION, Answer, Gateway, basic, gateway
from tests.e2e.nursery import Nursery
from tests.e2e.provider import providing

MODULE = "module"
pytestmark = pytest.mark.asyncio(loop_scope=MODULE)

MIB = 1024 * 1024
MOST = MIB
EACH = 4096
"""Bytes that an idle connection may take while it is there."""

GROWTH_IN_ALL = 64 * MIB
"""Bytes that the process may have grown by after everything."""

BODY = json.dumps(QUESTION).encode()
TOKEN = f"x-leash-token: {MASTER}\r\n".encode()
START = b"POST " + CHAT.encode() + b" HTTP/1.1\r\n"
HEAD = START + b"host: gateway:8088\r\n" + TOKEN
LENGTH = b"content-length: %d\r\n\r\n" % len(BODY)
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
AS_CHUNK = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
TUNNEL = (
    f"CONNECT api.openai.com:443 HTTP/1.1\r\nproxy-authorization: {basic('h', MASTER)}\r\n"
).encode()
UPGRADE = (
    b"GET /v1/responses HTTP/1.1\r\nhost: gateway:8088\r\n" + TOKEN + b"connection: upgrade\r\n"
    b"upgrade: websocket\r\nsec-websocket-version: 13\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    """Serve one provider for the module."""
    with providing(lambda: FakeProvider(Script(input_tokens=20, output_tokens=20))) as fake:
        yield fake


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, provider: FakeProvider
) -> AsyncIterator[Gateway]:
    """Serve with small bodies, at debug level, so that whatever could be logged is."""
    root = tmp_path_factory.mktemp("hostile")
    made = await gateway(
        root,
        nursery,
        provider,
        "--max-body",
        "1m",
        "--log-level",
        "debug",
        "--max-connections",
        "12000",
    )
    for _ in range(3):
        assert (await made.chat(x_leash_token=MASTER)).status == 200
    before = resident(made)
    yield made
    assert resident(made) - before < GROWTH_IN_ALL
    assert made.leash.end() == 0


@pytest_asyncio.fixture(loop_scope="module")
async def gate(served: Gateway) -> AsyncIterator[Gateway]:
    """Lend the gateway; afterwards it is as it was: nothing open, nothing uncounted, no trace."""
    yield served
    assert (await served.chat(x_leash_token=MASTER)).status == 200
    async with asyncio.timeout(60):
        while still_open(served) or sockets_of(served) > SPARE:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    with open_ledger(served.house.db) as ledger:
        runs = ledger.runs(Instant(0))
        standing = [each.balance for each in runs]
        ends = [entry for each in runs for _, entry in ledger.entries(each.run)]
        unsent = sum(isinstance(one, CallSettled) and one.outcome is Outcome.UNSENT for one in ends)
        assert [each.message for each in ledger.fsck()] == []
    assert sum(each.held for each in standing) == 0
    # A call that was admitted and never sent is counted, at no cost, and marked so.
    assert sum(each.calls for each in standing) == served.fake.seen.count + unsent
    log = served.log_text()
    assert [word for word in ("Traceback", "crashed", MASTER) if word in log] == []


SPARE = 24
"""Sockets of the process that may be open when no client is: listeners, kept connections."""


def still_open(gate: Gateway) -> int:
    """Count the calls that have not been settled."""
    with open_ledger(gate.house.db) as ledger:
        return len(ledger.open_calls())


def sockets_of(gate: Gateway) -> int:
    """Count the sockets that the process holds."""
    found = 0
    for each in Path(f"/proc/{gate.leash.pid}/fd").iterdir():
        try:
            found += str(each.readlink()).startswith("socket:")
        except OSError:
            continue
    return found


def resident(gate: Gateway) -> int:
    """Return the bytes of memory that the process has."""
    pages = int(Path(f"/proc/{gate.leash.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def status_of(said: bytes) -> int:
    """Return the status of an answer; 0 where the connection was closed without one."""
    return int(said.split(b" ")[1]) if said.startswith(b"HTTP/1.1 ") else 0


async def outcome(gate: Gateway, raw: bytes) -> int:
    """Send bytes on a connection of their own; return the status of what comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.leash.port)
    try:
        writer.write(raw)
        async with asyncio.timeout(60):
            return status_of(await reader.read(65_536))
    except ConnectionError:
        return 0
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        pytest.param(HEAD + b"content-length: 4\r\n" + CHUNKED + AS_CHUNK, 400, id="CL and TE"),
        pytest.param(HEAD + b"content-length: 4\r\n" + LENGTH + BODY, 400, id="two CL"),
        pytest.param(HEAD + b"content-length: +9\r\n\r\n" + BODY, 400, id="CL with a sign"),
        pytest.param(HEAD + b"transfer-encoding: xchunked\r\n\r\n" + AS_CHUNK, 400, id="bad TE"),
        pytest.param(
            HEAD + b"transfer-encoding: chunked, identity\r\n\r\n" + AS_CHUNK, 400, id="TE list"
        ),
        pytest.param(HEAD + b"transfer-encoding : chunked\r\n\r\n" + AS_CHUNK, 400, id="TE space"),
        pytest.param(HEAD + b"transfer-encoding: \x0bchunked\r\n\r\n" + AS_CHUNK, 400, id="TE VT"),
        pytest.param(HEAD + b"x: a\r\n\tb\r\n" + LENGTH + BODY, 400, id="folded"),
        pytest.param(HEAD + b"x: a\rcontent-length: 0\r\n" + LENGTH + BODY, 400, id="bare CR"),
        pytest.param(HEAD + b"x: a\x00b\r\n" + LENGTH + BODY, 400, id="NUL"),
        pytest.param(HEAD + b"nothing\r\n" + LENGTH + BODY, 400, id="no colon"),
        pytest.param(
            START.replace(b" /", b" http://api.openai.com/") + b"host: api.anthropic.com\r\n"
            + TOKEN + LENGTH + BODY, 421, id="absolute form, another Host",
        ),
        pytest.param(TUNNEL + b"content-length: 5\r\n\r\nhello", 400, id="CONNECT with a body"),
        pytest.param(b"CONNECT api.openai.com HTTP/1.1\r\n\r\n", 400, id="CONNECT without a port"),
        pytest.param(HEAD + CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n", 0, id="chunk size"),
        pytest.param(HEAD + CHUNKED + b"3\r\nabcdef\r\n0\r\n\r\n", 0, id="chunk end"),
        pytest.param(HEAD + CHUNKED + b"5;" + b"x" * MIB, 0, id="chunk extension"),
        pytest.param(b"\x00\x01\x02\r\n\r\n", 400, id="garbage"),
        pytest.param(b"GET /\r\n\r\n", 400, id="HTTP/0.9"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, id="h2 preface"),
        pytest.param(b"GET / HTTP/9.9\r\nhost: x\r\n\r\n", 400, id="HTTP/9.9"),
        pytest.param(b"GET file:///etc/passwd HTTP/1.1\r\n" + TOKEN + b"\r\n", 400, id="file"),
        pytest.param(b"\x16\x03\x01\x02\x00" + b"\x00" * 600, 0, id="no TLS"),
        pytest.param(b"PROXY TCP4 " + b"1" * 100_000, 0, id="PROXY line without an end"),
        pytest.param(HEAD + b"x: " + b"a" * MIB, 431, id="1 MB of a head"),
        pytest.param(HEAD + b"x: y\r\n" * 10_000 + b"\r\n", 400, id="10,000 headers"),
        pytest.param(HEAD + b"content-length: 9999999999\r\n\r\nx", 413, id="a body announced"),
        pytest.param(
            HEAD + CHUNKED + b"200000\r\n" + b"x" * 0x200000 + b"\r\n", 413, id="a body in chunks"
        ),
    ],
)  # fmt: skip
async def test_what_is_no_request_is_refused(gate: Gateway, raw: bytes, status: int) -> None:
    """It is answered, or its connection ends, and the provider sees nothing."""
    before = gate.fake.seen.count
    assert (await outcome(gate, raw), gate.fake.seen.count) == (status, before)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param((HEAD + LENGTH).replace(b"\r\n", b"\n") + BODY, id="bare LF"),
        pytest.param(b"\r\n\r\n" + HEAD + LENGTH + BODY, id="empty lines first"),
        pytest.param(HEAD + CHUNKED + AS_CHUNK[:-2] + b"x-evil: 1\r\n\r\n", id="trailers"),
    ],
)
async def test_what_is_odd_is_one_counted_call(gate: Gateway, raw: bytes) -> None:
    """What HTTP lets through is forwarded once, and nothing of it as another request."""
    before = gate.fake.seen.count
    assert (await outcome(gate, raw), gate.fake.seen.count - before) == (200, 1)
    assert "x-evil" not in str(gate.fake.seen.requests[-1]["headers"])


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"model": "gpt-4o", "messages": "\xff\xfe"}', id="UTF-8"),
        pytest.param(b"[" * 200_000, id="deep and open"),
        pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, id="deep"),
        pytest.param(b"", id="nothing"),
    ],
)
async def test_a_body_that_is_no_json_breaks_nothing(gate: Gateway, body: bytes) -> None:
    """It is the provider's to refuse, and counted."""
    raw = HEAD + b"content-length: %d\r\n\r\n" % len(body) + body
    assert await outcome(gate, raw) == 400


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(b"x-leash-token: \xe4\xf6\xff", id="Latin-1"),
        pytest.param(b"x-leash-token: " + b"a" * 100_000, id="long"),
        pytest.param(b"proxy-authorization: Basic aGVsbG8=", id="no colon"),
        pytest.param(b"proxy-authorization: Basic \xff\xfe!!", id="no Base64"),
        pytest.param(b"proxy-authorization: Basic", id="nothing"),
    ],
)
async def test_an_odd_token_is_a_wrong_one(gate: Gateway, token: bytes) -> None:
    """It is answered 401, also with a large body behind it, which is not kept."""
    address = b"x-forwarded-for: 198.51.100.%d\r\n" % (len(token) % 250)
    head = START + b"host: x\r\n" + address + token + b"\r\ncontent-length: 900000\r\n\r\n"
    assert await outcome(gate, head + b"x" * 900_000) == 401


def as_password(password: str | bytes) -> bytes:
    """Write a header that has this for a token."""
    return b"proxy-authorization: " + basic("h", password).encode()


def as_header(token: bytes) -> bytes:
    """Write the other header that has this for a token."""
    return b"x-leash-token: " + token


BARE = MASTER.encode()
PERCENT = "".join(f"%{byte:02x}" for byte in BARE)
OVERLONG = bytes([0xC0 | BARE[0] >> 6, 0x80 | BARE[0] & 0x3F]) + BARE[1:]
WIDE = "".join(chr(ord(letter) + 0xFEE0) for letter in MASTER)
WRONG = b"leash_wrong_0123456789abcdef"


@pytest.mark.parametrize(
    ("token", "status"),
    [
        pytest.param(as_password(MASTER), 200, id="the right one"),
        pytest.param(as_header(b" \t" + BARE + b"\t "), 200, id="blanks that HTTP allows"),
        pytest.param(as_header(BARE + b"\x00"), 400, id="NUL behind it"),
        pytest.param(as_header(b"\x00" + BARE), 400, id="NUL before it"),
        pytest.param(as_password(BARE + b"\x00"), 401, id="NUL in Base64"),
        pytest.param(as_password(MASTER.encode("utf-16")), 401, id="UTF-16 with its mark"),
        pytest.param(as_password(MASTER.encode("utf-16-le")), 401, id="UTF-16"),
        pytest.param(as_header(MASTER.encode("utf-16-le")), 400, id="UTF-16 in the open"),
        pytest.param(as_password("\u00e9" + MASTER), 401, id="UTF-8"),
        pytest.param(as_password(b"\xe9" + BARE), 401, id="Latin-1 in Base64"),
        pytest.param(as_header(PERCENT.encode()), 401, id="percent"),
        pytest.param(as_password(PERCENT), 401, id="percent in Base64"),
        pytest.param(as_header(OVERLONG), 401, id="overlong UTF-8"),
        pytest.param(as_password(OVERLONG), 401, id="overlong UTF-8 in Base64"),
        pytest.param(as_password(WIDE), 401, id="wide letters"),
        pytest.param(as_password(MASTER + " "), 401, id="a blank in Base64"),
        pytest.param(as_password(MASTER + "\r\n"), 401, id="a line end in Base64"),
        pytest.param(as_header(BARE[:9] + b" " + BARE[9:]), 401, id="a blank inside"),
        pytest.param(as_header(BARE.upper()), 401, id="capitals"),
        pytest.param(as_header(BARE[:-1]), 401, id="a letter less"),
        pytest.param(as_header(BARE * 200), 401, id="200 times"),
        pytest.param(as_header(b""), 401, id="empty"),
        pytest.param(as_header(b" \t "), 401, id="blanks"),
        pytest.param(as_password(""), 401, id="an empty password"),
        pytest.param(as_password(MASTER).rstrip(b"="), 401, id="Base64 without its end"),
        pytest.param(as_header(BARE) + b"\r\n" + as_header(WRONG), 401, id="right, then wrong"),
        pytest.param(as_header(WRONG) + b"\r\n" + as_header(BARE), 401, id="wrong, then right"),
        pytest.param(as_header(WRONG) + b"\r\n" + as_password(MASTER), 401, id="wrong and right"),
    ],
)  # fmt: skip
async def test_a_token_is_right_to_the_byte(gate: Gateway, token: bytes, status: int) -> None:
    """However it is written otherwise it is a wrong one, and the provider hears nothing."""
    before = gate.fake.seen.count
    address = b"x-forwarded-for: 203.0.113.%d\r\n" % (crc32(token) % 250)
    raw = START + b"host: gateway:8088\r\n" + address + token + b"\r\n" + LENGTH + BODY
    found = await outcome(gate, raw)
    assert (found, gate.fake.seen.count - before) == (status, int(status == 200))


def leaves(gate: Gateway, raw: bytes, *, reset: bool) -> None:
    """Send bytes and vanish."""
    with socket.create_connection(("127.0.0.1", gate.leash.port)) as client:
        if reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(raw)


@pytest.mark.parametrize("reset", [False, True], ids=["close", "reset"])
async def test_a_client_may_vanish_at_any_point(gate: Gateway, reset: bool) -> None:
    """After CONNECT, in TLS, head or body, before the answer: no call stays open."""
    hello = ssl.create_default_context()
    come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        hello.wrap_bio(come, go, server_hostname="api.openai.com").do_handshake()
    tls = go.read()
    slow = HEAD + b"x-fake-delay-ms: 200\r\n" + LENGTH + BODY
    stages = [
        b"", TUNNEL + b"\r\n", TUNNEL + b"\r\n" + tls[:40], TUNNEL + b"\r\n" + tls, HEAD[:30],
        HEAD, HEAD + LENGTH, HEAD + LENGTH + BODY[:9], slow, UPGRADE,
    ]  # fmt: skip
    for raw in stages:
        leaves(gate, raw, reset=reset)


async def test_who_trickles_holds_nobody_up(gate: Gateway) -> None:
    """While heads and bodies come byte by byte, other calls are answered."""
    with ExitStack() as stack:
        slow = [
            stack.enter_context(socket.create_connection(("127.0.0.1", gate.leash.port)))
            for _ in range(50)
        ]
        for at in range(0, 40, 4):
            for client in slow[::2]:
                client.sendall((HEAD + LENGTH)[at : at + 4])
            for client in slow[1::2]:
                client.sendall((HEAD + LENGTH + BODY)[at : at + 4])
            answer: Answer = await gate.chat(x_leash_token=MASTER)
            assert answer.status == 200


@pytest.mark.parametrize("raw", [b"", HEAD[:9]], ids=["silent", "half a head"])
@pytest.mark.parametrize(
    ("count", "left"),
    [
        pytest.param(1_000, 8 * MIB, id="1000"),
        pytest.param(10_000, 24 * MIB, id="10000", marks=pytest.mark.long),
    ],
)
async def test_idle_connections_keep_nobody_out(
    gate: Gateway, count: int, left: int, raw: bytes
) -> None:
    """With so many open, a call is answered; each takes little, and most of it is given back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count + 500:
        pytest.skip(f"this system allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count + 500), hard))
    before = resident(gate)
    assert await wave(gate, count, raw) - before < 2 * MIB + count * EACH
    async with asyncio.timeout(60):
        while sockets_of(gate) > SPARE or resident(gate) - before > left:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def wave(gate: Gateway, count: int, raw: bytes) -> int:
    """Open connections that ask nothing, make a call, close them; return the memory of then."""
    with ExitStack() as stack:
        for number in range(count):
            where = (f"127.0.0.{1 + number % 200}", 0)
            address = ("127.0.0.1", gate.leash.port)
            one = socket.create_connection(address, source_address=where)
            stack.enter_context(one).sendall(raw)
            if number % 100 == 0:
                await asyncio.sleep(0)
        assert (await gate.chat(x_leash_token=MASTER)).status == 200
        return resident(gate)


def frame(opcode: int, size: int, *, last: bool = True) -> bytes:
    """Write the head of a frame of a client, whose mask is zero."""
    first = opcode | (0x80 if last else 0)
    length = bytes([0x80 | 127]) + struct.pack("!Q", size) if size else b"\x80"
    return bytes([first]) + length + b"\x00" * 4


EMPTY_START, EMPTY = frame(1, 0, last=False), frame(0, 0, last=False)


@pytest.mark.parametrize(
    "flood",
    [
        pytest.param(lambda: frame(1, 10**12) + b"x" * 3 * MIB, id="a frame without an end"),
        pytest.param(lambda: EMPTY_START + EMPTY * 70_000, id="frames"),
        pytest.param(lambda: frame(1, 2 * MIB) + b"x" * 2 * MIB, id="a message"),
    ],
)
async def test_a_message_without_an_end_closes_its_socket(
    gate: Gateway, flood: Callable[[], bytes]
) -> None:
    """What is beyond the bound is answered with 1009 or the end, and reaches no provider."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.leash.port)
    before = gate.fake.seen.count
    writer.write(UPGRADE)
    assert status_of(await reader.readuntil(b"\r\n\r\n")) == 101
    writer.write(flood())
    try:
        async with asyncio.timeout(60):
            said = await reader.read()
    except ConnectionError:
        said = b""
    writer.transport.abort()
    assert (not said or said[2:4] == b"\x03\xf1", gate.fake.seen.count) == (True, before)


async def test_garbage_in_a_tunnel_ends_it(gate: Gateway) -> None:
    """HTTP/2 frames and noise behind a CONNECT are refused, and the tunnel with them."""
    for noise in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 900, b"\xff" * 900 + b"\r\n\r\n"):
        async with gate.wire() as wire:
            assert (await wire.send(TUNNEL + b"\r\n")).status == 200
            wire.writer.write(noise)
            try:
                async with asyncio.timeout(60):
                    said = await wire.reader.read()
            except ConnectionError:
                said = b""
            assert status_of(said) in {0, 400}
