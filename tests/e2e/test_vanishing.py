"""Clients that vanish at each stage of a call, and clients that flood: what is left of them."""

import asyncio
import json
import resource
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from leash_addon.cli.fakeprovider import FakeProvider, Script
from leash_addon.core.journal import CallSettled
from leash_addon.core.money import Instant
from leash_addon.core.reading import Outcome
from leash_addon.ledger import open_ledger
from tests.e2e.gateway import CHAT, MASTER, QUESTION, Gateway, Wire, basic, gateway
from tests.e2e.nursery import Nursery
from tests.e2e.provider import providing

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 30.0
MIB = 1024 * 1024
GROWTH = 20 * MIB
"""Bytes of memory that a flood may cost."""

TURNS = 5
LIMITS = f"""
[[rate]]
per = "run"
match = {{ run = "flood*" }}
requests = "{TURNS}/1h"

[[cap]]
per = "run"
match = {{ run = "waits" }}
window = "total"
max_cost = 0.001
"""

BODY = json.dumps(QUESTION).encode()
STREAMED = json.dumps(QUESTION | {"stream": True}).encode()
TOKEN = f"x-leash-token: {MASTER}\r\n".encode()
HOST = b"host: api.openai.com\r\n"
POST = b"POST " + CHAT.encode() + b" HTTP/1.1\r\n" + HOST
LENGTH = b"content-length: %d\r\n\r\n"
TUNNEL = (
    f"CONNECT api.openai.com:443 HTTP/1.1\r\nproxy-authorization: {basic('h', MASTER)}\r\n\r\n"
).encode()
UPGRADE = (
    b"GET /v1/responses HTTP/1.1\r\n%b" + TOKEN + b"connection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n%b\r\n"
)
TURN = json.dumps({"type": "response.create", "model": "gpt-4o", "input": "hi"}).encode()
REFUSED = b'"type":"response.failed"'
JUNK = json.dumps({"type": "nonsense", "text": "x" * 40}).encode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery
) -> AsyncIterator[Gateway]:
    """Serve; who floods has few turns, and who waits has little money."""
    with providing(lambda: FakeProvider(Script(input_tokens=20, output_tokens=20))) as fake:
        root = tmp_path_factory.mktemp("vanishing")
        made = await gateway(root, nursery, fake, "--log-level", "debug", toml=LIMITS)
        yield made
        assert [word for word in ("Traceback", "crashed", MASTER) if word in made.log_text()] == []
        assert made.leash.end() == 0


@pytest_asyncio.fixture(loop_scope="module")
async def gate(served: Gateway) -> AsyncIterator[Gateway]:
    """Lend the gateway; afterwards nothing is open or held, and every call is accounted for."""
    yield served
    assert (await served.chat(x_leash_token=MASTER)).status == 200
    async with asyncio.timeout(PATIENCE):
        while still_open(served):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    with open_ledger(served.house.db) as ledger:
        runs = ledger.runs(Instant(0))
        assert [each.message for each in ledger.fsck()] == []
        ends = [entry for each in runs for _, entry in ledger.entries(each.run)]
    unsent = sum(isinstance(one, CallSettled) and one.outcome is Outcome.UNSENT for one in ends)
    assert sum(each.balance.held for each in runs) == 0
    assert sum(each.balance.calls for each in runs) == served.fake.seen.count + unsent


def still_open(gate: Gateway) -> int:
    """Count the calls that have not been settled."""
    with open_ledger(gate.house.db) as ledger:
        return len(ledger.open_calls())


def resident(gate: Gateway) -> int:
    """Return the bytes of memory that the process has."""
    pages = int(Path(f"/proc/{gate.leash.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


async def in_tls(gate: Gateway, wire: Wire) -> None:
    """Open a tunnel, and TLS inside it."""
    assert (await wire.send(TUNNEL)).status == 200
    trust = ssl.create_default_context(cafile=str(gate.house.home / ".leash/ca/root.pem"))
    trust.set_alpn_protocols(["h2", "http/1.1"])
    await wire.writer.start_tls(trust, server_hostname="api.openai.com")


async def provider_has_it(gate: Gateway) -> None:
    """Wait until the provider is at work on a call."""
    while not gate.fake.seen.open:  # noqa: ASYNC110 - it runs in another thread
        await asyncio.sleep(0.01)


async def after_connect(_: Gateway, wire: Wire) -> None:
    """Let the tunnel stand."""
    assert (await wire.send(TUNNEL)).status == 200


async def in_the_handshake(gate: Gateway, wire: Wire) -> None:
    """Do half of a TLS handshake, until the server has said what it has to say."""
    await after_connect(gate, wire)
    come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(come, go, server_hostname="api.openai.com")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    wire.writer.write(go.read())
    assert (await wire.reader.readexactly(1)) == b"\x16"


async def idle_in_tls(gate: Gateway, wire: Wire) -> None:
    """Let TLS stand, and ask nothing."""
    await in_tls(gate, wire)


async def in_a_head(gate: Gateway, wire: Wire) -> None:
    """Send half a head inside TLS."""
    await in_tls(gate, wire)
    wire.writer.write(POST[:30])


async def in_a_body(gate: Gateway, wire: Wire) -> None:
    """Send half a body inside TLS."""
    await in_tls(gate, wire)
    wire.writer.write(POST + LENGTH % len(BODY) + BODY[:9])


async def before_the_answer(gate: Gateway, wire: Wire) -> None:
    """Let the provider think."""
    await in_tls(gate, wire)
    wire.writer.write(POST + b"x-fake-delay-ms: 400\r\n" + LENGTH % len(BODY) + BODY)
    await provider_has_it(gate)


async def in_a_stream(gate: Gateway, wire: Wire) -> None:
    """Read the first event of an answer."""
    await in_tls(gate, wire)
    wishes = b"x-fake-gap-ms: 50\r\nx-fake-chunks: 40\r\n"
    wire.writer.write(POST + wishes + LENGTH % len(STREAMED) + STREAMED)
    assert b"200 OK" in await wire.reader.readuntil(b"\r\n\r\n")
    await wire.reader.readuntil(b"data: ")


async def in_a_socket(_: Gateway, wire: Wire) -> None:
    """Stand between two turns of a WebSocket."""
    wire.writer.write(UPGRADE % (HOST.replace(b"api.openai.com", b"gateway:8088"), b""))
    assert b" 101 " in await wire.reader.readuntil(b"\r\n\r\n")


async def in_a_turn(gate: Gateway, wire: Wire) -> None:
    """Read the beginning of the answer to a turn of a WebSocket inside TLS."""
    await in_tls(gate, wire)
    wire.writer.write(UPGRADE % (HOST, b"x-fake-gap-ms: 50\r\nx-fake-chunks: 40\r\n"))
    assert b" 101 " in await wire.reader.readuntil(b"\r\n\r\n")
    wire.writer.write(frame(TURN))
    await wire.reader.readuntil(b"response.created")


STAGES = [
    after_connect, in_the_handshake, idle_in_tls, in_a_head, in_a_body, before_the_answer,
    in_a_stream, in_a_socket, in_a_turn,
]  # fmt: skip


def frame(message: bytes) -> bytes:
    """Write a text message of a client, whose mask is zero."""
    size = len(message)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + struct.pack("!H", size)
    return b"\x81" + length + b"\x00" * 4 + message


@pytest.mark.parametrize("reset", [False, True], ids=["close", "reset"])
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
async def test_a_client_may_vanish_at_each_stage(
    gate: Gateway, stage: Callable[[Gateway, Wire], Awaitable[None]], reset: bool
) -> None:
    """Its connection is closed or reset there: its call is settled, and nothing else is."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.leash.port)
    raw = writer.get_extra_info("socket")
    async with asyncio.timeout(PATIENCE):
        await stage(gate, Wire(reader=reader, writer=writer))
    if reset:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_http2_that_nobody_agreed_to_is_refused(gate: Gateway) -> None:
    """Inside a tunnel HTTP/2 is not agreed to; a flood of streams opened and reset ends there."""
    before = gate.fake.seen.count
    opened = struct.pack("!I", 10)[1:] + b"\x01\x05%b" + b"\x82\x84\x87\x41\x05" + b"a.com"
    flood = b"".join(
        opened % (number := struct.pack("!I", stream))
        + b"\x00\x00\x04\x03\x00" + number + struct.pack("!I", 8)
        for stream in range(1, 2_001, 2)
    )  # fmt: skip
    async with gate.wire() as wire, asyncio.timeout(PATIENCE):
        await in_tls(gate, wire)
        agreed = wire.writer.get_extra_info("ssl_object").selected_alpn_protocol()
        wire.writer.write(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00" + bytes(4) + flood
        )
        try:
            said = await wire.reader.read()
        except ConnectionError:
            said = b"HTTP/1.1 400 "
    assert (agreed, said[:13]) == ("http/1.1", b"HTTP/1.1 400 ")
    assert gate.fake.seen.count == before


@pytest.mark.parametrize(
    "count",
    [pytest.param(500, id="500"), pytest.param(10_000, id="10000", marks=pytest.mark.long)],
)
async def test_a_flood_of_messages_drowns_nobody(gate: Gateway, count: int) -> None:
    """Turns and junk by turns: no more turns than the rate allows, little memory, others served."""
    before, seen = resident(gate), gate.fake.seen.count
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.leash.port)
    writer.write(UPGRADE % (b"host: gateway:8088\r\n", b"x-loop-id: flood-%d\r\n" % count))
    others, refused = 0, count // 2 - TURNS
    async with asyncio.timeout(4 * PATIENCE):
        await reader.readuntil(b"\r\n\r\n")
        said = asyncio.ensure_future(refusals(reader, refused))
        for _ in range(0, count, 250):
            writer.write((frame(TURN) + frame(JUNK)) * 125)
            assert (await gate.chat(x_leash_token=MASTER)).status == 200
            others += 1
            await writer.drain()
        assert await said == refused
    writer.transport.abort()
    assert gate.fake.seen.count - seen - others == TURNS
    assert resident(gate) - before < GROWTH


async def test_what_waits_for_a_verdict_is_not_kept(gate: Gateway) -> None:
    """While a turn waits, 100 MB that are sent behind it stay with the client that sends them."""
    run = b"x-loop-id: waits\r\n"
    async with gate.wire() as hog, gate.wire() as wire, asyncio.timeout(PATIENCE):
        wire.writer.write(UPGRADE % (b"host: gateway:8088\r\n", run))
        await wire.reader.readuntil(b"\r\n\r\n")
        slow = POST.replace(b"api.openai.com", b"gateway:8088") + TOKEN + run
        hog.writer.write(slow + b"x-fake-delay-ms: 1000\r\n" + LENGTH % len(BODY) + BODY)
        await provider_has_it(gate)
        before = resident(gate)
        flood = b"\x81\xff" + struct.pack("!Q", MIB) + bytes(4) + b"x" * MIB
        wire.writer.write(frame(TURN) + flood * 100)
        peak = before
        while gate.fake.seen.open:
            peak = max(peak, resident(gate))
            await asyncio.sleep(0.01)
        wire.writer.transport.abort()
    assert peak - before < GROWTH


async def refusals(reader: asyncio.StreamReader, most: int) -> int:
    """Read until there are so many refusals, or the end; count them."""
    found, rest = 0, b""
    while found < most and (data := await reader.read(MIB)):
        rest += data
        found += rest.count(REFUSED)
        rest = rest[1 - len(REFUSED) :]
    return found
