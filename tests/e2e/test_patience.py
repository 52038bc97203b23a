"""Clients that dawdle, and clients that are too many: the real server with short limits."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest
import pytest_asyncio

from leash_addon.cli.fakeprovider import FakeProvider, Script
from tests.e2e.gateway import CHAT, MASTER, QUESTION, Gateway, basic, gateway
from tests.e2e.nursery import Nursery
from tests.e2e.provider import providing

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 30.0
PER_IP, IN_ALL = 20, 40
BODY = json.dumps(QUESTION).encode()
TOKEN = f"x-leash-token: {MASTER}\r\n".encode()
HEAD = b"POST " + CHAT.encode() + b" HTTP/1.1\r\nhost: gateway:8088\r\n" + TOKEN
LENGTH = b"content-length: %d\r\n\r\n" % len(BODY)
EXPECT = b"expect: 100-continue\r\n"
TUNNEL = (
    f"CONNECT api.openai.com:443 HTTP/1.1\r\nproxy-authorization: {basic('h', MASTER)}\r\n\r\n"
).encode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def echo() -> AsyncIterator[int]:
    """Serve what is tunnelled: lines come back. Return the port."""
    listening = await asyncio.start_server(_echo, "127.0.0.1", 0)
    yield int(listening.sockets[0].getsockname()[1])
    listening.close()


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        writer.write(line)
    writer.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate(
    tmp_path_factory: pytest.TempPathFactory, nursery: Nursery, echo: int
) -> AsyncIterator[Gateway]:
    """Serve with little patience and little room."""
    flags = {
        "--head-timeout": "1s",
        "--body-timeout": "1s",
        "--idle-timeout": "1s",
        "--max-connections": f"{IN_ALL}",
        "--max-connections-per-ip": f"{PER_IP}",
        "--log-level": "info",
        "--passthrough": "tunnel",
        "--allow-private": "127.0.0.1",
        "--connect-ports": f"443,{echo}",
    }
    words = [word for pair in flags.items() for word in pair]
    with providing(lambda: FakeProvider(Script())) as fake:
        root = tmp_path_factory.mktemp("patience")
        made = await gateway(root, nursery, fake, *words, toml="")
        yield made
        assert "Traceback" not in made.log_text()
        assert made.leash.end() == 0


async def dawdles(gate: Gateway, raw: bytes, drip: bytes = b"") -> bytes:
    """Send bytes, then ``drip`` every 50 ms until the connection ends; return what came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.leash.port)
    said = asyncio.ensure_future(reader.read(-1))
    try:
        writer.write(raw)
        async with asyncio.timeout(PATIENCE):
            while not said.done():
                writer.write(drip)
                await asyncio.wait([said], timeout=0.05)
            return await said
    except ConnectionError:
        return b"reset"
    finally:
        said.cancel()
        writer.transport.abort()


def status_of(said: bytes) -> int:
    """Return the status of the last answer; 0 for none."""
    return int(said.rpartition(b"HTTP/1.1 ")[2][:3]) if b"HTTP/1.1 " in said else 0


async def dawdles_in_tls(gate: Gateway) -> bytes:
    """Send half a head inside a tunnel's TLS; return what comes through it."""
    trust = ssl.create_default_context(cafile=str(gate.house.home / ".leash/ca/root.pem"))
    async with gate.wire() as wire, asyncio.timeout(PATIENCE):
        assert (await wire.send(TUNNEL)).status == 200
        await wire.writer.start_tls(trust, server_hostname="api.openai.com")
        wire.writer.write(HEAD[:40])
        return await wire.reader.readuntil(b"}}")


async def test_who_dawdles_is_told_so_and_put_out(gate: Gateway) -> None:
    """An unfinished head or body is answered 408, whatever trickles; silence is hung up on."""
    hello = ssl.create_default_context()
    come, go = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        hello.wrap_bio(come, go, server_hostname="api.openai.com").do_handshake()
    before = gate.fake.seen.count
    kinds = {
        "nothing": dawdles(gate, b""),
        "half a head": dawdles(gate, HEAD[:40]),
        "a head without an end": dawdles(gate, HEAD, b"x: y\r\n"),
        "half a body": dawdles(gate, HEAD + LENGTH + BODY[:9]),
        "half a body, continued": dawdles(gate, HEAD + EXPECT + LENGTH + BODY[:9]),
        "a body by the byte": dawdles(gate, HEAD + b"content-length: 900\r\n\r\n", b" "),
        "idle": dawdles(gate, HEAD + LENGTH + BODY),
        "a second half head": dawdles(gate, HEAD + LENGTH + BODY + HEAD[:9]),
        "a tunnel without TLS": dawdles(gate, TUNNEL),
        "half a head inside TLS": dawdles_in_tls(gate),
        "half a TLS handshake": dawdles(gate, TUNNEL + go.read()[:60]),
    }
    found = dict(zip(kinds, await asyncio.gather(*kinds.values()), strict=True))
    assert {name: status_of(said) for name, said in found.items()} == {
        "nothing": 0,
        "half a head": 408,
        "a head without an end": 408,
        "half a body": 408,
        "half a body, continued": 408,
        "a body by the byte": 408,
        "idle": 200,
        "a second half head": 408,
        "a tunnel without TLS": 200,
        "half a head inside TLS": 408,
        "half a TLS handshake": 200,
    }
    assert b"sent no whole head" in found["half a head"]
    assert b"in the middle of a body" in found["half a body"]
    assert gate.fake.seen.count == before + 2


async def test_what_is_in_use_has_all_the_time_in_the_world(gate: Gateway, echo: int) -> None:
    """An answer that takes longer than every limit, a silent WebSocket and a tunnel live on."""
    tunnel = TUNNEL.replace(b"api.openai.com:443", b"127.0.0.1:%d" % echo)
    upgrade = (
        b"GET /v1/responses HTTP/1.1\r\nhost: gateway:8088\r\n" + TOKEN + b"connection: upgrade\r\n"
        b"upgrade: websocket\r\nsec-websocket-version: 13\r\n"
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    async with gate.wire() as slow, gate.wire() as socket_, gate.wire() as through:
        slow.writer.write(HEAD + b"x-fake-delay-ms: 2100\r\n" + LENGTH + BODY)
        socket_.writer.write(upgrade)
        through.writer.write(tunnel)
        async with asyncio.timeout(PATIENCE):
            assert b" 101 " in await socket_.reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in await through.reader.readuntil(b"\r\n\r\n")
            through.writer.write(b"ssh-1\r\n")
            assert await through.reader.readline() == b"ssh-1\r\n"
            assert b" 200 " in await slow.reader.readuntil(b"\r\n\r\n")
            through.writer.write(b"ssh-2\r\n")
            assert await through.reader.readline() == b"ssh-2\r\n"
            socket_.writer.write(b"\x89\x80\x00\x00\x00\x00")
            assert await socket_.reader.readexactly(2) == b"\x8a\x00"


@pytest.fixture
def crowd() -> Iterator[ExitStack]:
    """Hang up on everybody at the end."""
    with ExitStack() as stack:
        yield stack


def comes(gate: Gateway, crowd: ExitStack, address: str, raw: bytes = b"G") -> socket.socket:
    """Connect from an address, say something and stay."""
    where = ("127.0.0.1", gate.leash.port)
    client = crowd.enter_context(socket.create_connection(where, source_address=(address, 0)))
    client.sendall(raw)
    return client


async def asks(gate: Gateway, address: str) -> int:
    """Make a call from an address; return its status."""
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", gate.leash.port, local_addr=(address, 0)
    )
    writer.write(HEAD + b"connection: close\r\n" + LENGTH + BODY)
    try:
        async with asyncio.timeout(PATIENCE):
            return status_of(await reader.read(-1))
    finally:
        writer.transport.abort()


async def test_one_address_cannot_take_every_place(gate: Gateway, crowd: ExitStack) -> None:
    """Beyond its share an address is answered 503, another one is served."""
    for _ in range(PER_IP):
        comes(gate, crowd, "127.0.0.7")
    assert (await asks(gate, "127.0.0.7"), await asks(gate, "127.0.0.8")) == (503, 200)


async def test_who_says_nothing_makes_room(gate: Gateway, crowd: ExitStack) -> None:
    """With every place taken by the silent, others are served; taken by requests, they are not."""
    for number in range(IN_ALL):
        comes(gate, crowd, f"127.0.1.{number}", b"")
    await asyncio.sleep(0.3)
    assert await asks(gate, "127.0.0.9") == 200
    for number in range(IN_ALL):
        comes(gate, crowd, f"127.0.2.{number}", b"G")
    assert await asks(gate, "127.0.0.9") == 503


async def test_a_flood_is_told_in_few_lines(gate: Gateway) -> None:
    """What was put out and turned away is counted in the log, and not told one by one."""
    log = gate.log_text()
    told = [line for line in log.splitlines() if "leash_addon.proxy.porter" in line]
    assert 0 < len(told) < 12, log
