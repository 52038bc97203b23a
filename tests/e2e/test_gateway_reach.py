"""A shared proxy is no open one, whichever door a client takes: the real server."""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from leash_addon.cli.fakeprovider import FakeProvider, Script
from tests.e2e.gateway import CHAT, MASTER, QUESTION, Gateway, Wire, basic, gateway
from tests.e2e.nursery import Nursery
from tests.e2e.provider import providing

pytestmark = pytest.mark.asyncio(loop_scope="module")
AUTH = basic("reach", MASTER)
BODY = json.dumps(QUESTION).encode()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    """Serve one provider for the module."""
    with providing(lambda: FakeProvider(Script(input_tokens=20, output_tokens=20))) as fake:
        yield fake


@pytest.fixture(scope="module")
def echo_port() -> int:
    """Name a port of this machine that is listed."""
    return free_port()


@pytest.fixture(scope="module")
def socks() -> int:
    """Name a port for SOCKS."""
    return free_port()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate(
    tmp_path_factory: pytest.TempPathFactory,
    nursery: Nursery,
    provider: FakeProvider,
    echo_port: int,
    socks: int,
) -> AsyncIterator[Gateway]:
    """Serve with everything public let through, and one port of this machine."""
    root = tmp_path_factory.mktemp("reach")
    flags = ("--passthrough", "tunnel", "--allow-private", f"localhost:{echo_port}")
    flags = (*flags, "--log-level", "debug")
    ports = ("--connect-ports", f"443,{echo_port}", "--socks5", str(socks))
    made = await gateway(root, nursery, provider, *flags, *ports)
    yield made
    assert made.leash.end() == 0


CLOSED = [
    "169.254.169.254:443",
    "127.0.0.1:443",
    "localhost:443",
    "[::1]:443",
    "[::ffff:127.0.0.1]:443",
    "[fe80::1]:443",
    "[fd00:ec2::254]:443",
    "0.0.0.0:443",
    "0:443",
    "2130706433:443",
    "0x7f.1:443",
    "0177.0.0.1:443",
    "127.1:443",
    "10.0.0.1:443",
    "192.168.0.1:443",
    "224.0.0.1:443",
    "LOCALHOST.:443",
]


@pytest.mark.parametrize("where", [*CLOSED, "example.com:22", "api.openai.com:22", "localhost:22"])
async def test_a_tunnel_leads_nowhere_private_and_to_port_443_only(
    gate: Gateway, where: str
) -> None:
    """CONNECT is answered 403 in JSON, however the address is spelt."""
    answer = await gate.connect(where, proxy_authorization=AUTH)
    assert (answer.status, answer.reason) == (403, "passthrough"), answer
    assert "message" in answer.json["error"]


@pytest.mark.parametrize("where", [place.removesuffix(":443") for place in CLOSED])
async def test_a_plain_request_leads_nowhere_private(gate: Gateway, where: str) -> None:
    """The absolute form is refused like the tunnel."""
    async with gate.wire() as wire:
        answer = await wire.ask(f"GET http://{where}/latest/meta-data/", proxy_authorization=AUTH)
    assert (answer.status, answer.reason) == (403, "passthrough"), answer


@pytest.mark.parametrize(
    "url",
    ["http://example.com:8080/", "http://example.com:25/", f"http://api.openai.com:8080{CHAT}"],
)
async def test_a_plain_request_goes_to_no_odd_port(gate: Gateway, url: str) -> None:
    """What is in absolute form meets a 403 that names the setting, provider or not."""
    async with gate.wire() as wire:
        host = url.split("/")[2]
        answer = await wire.ask(f"POST {url}", BODY, proxy_authorization=AUTH, host=host)
    assert (answer.status, answer.reason) == (403, "passthrough"), answer
    assert "connect_ports" in json.dumps(answer.json)


async def test_what_is_listed_is_reached(gate: Gateway, echo_port: int) -> None:
    """A listed host and port is tunnelled to, untouched."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(5))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", echo_port), gate.wire() as wire:
        answer = await wire.ask(f"CONNECT localhost:{echo_port}", proxy_authorization=AUTH)
        wire.writer.write(b"\x00ssh!")
        assert (answer.status, await wire.reader.readexactly(5)) == (200, b"\x00ssh!")


async def greeted(wire: Wire, user: str, password: str) -> bytes:
    """Greet as a SOCKS5 client does (RFC 1928, RFC 1929); return the answer to the password."""
    wire.writer.write(b"\x05\x01\x02")
    assert await wire.reader.readexactly(2) == b"\x05\x02"
    name, secret = user.encode(), password.encode()
    wire.writer.write(b"\x01" + bytes([len(name)]) + name + bytes([len(secret)]) + secret)
    return await wire.reader.readexactly(2)


async def through(wire: Wire, host: str, port: int) -> bytes:
    """Ask a SOCKS5 proxy for a connection; return the first bytes of its answer."""
    name = host.encode()
    wire.writer.write(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack("!H", port))
    return await wire.reader.readexactly(10)


async def test_socks_asks_for_the_token(gate: Gateway, socks: int) -> None:
    """A SOCKS client's password is its token; a wrong one, or none, ends the connection."""
    async with gate.wire(socks) as wire:
        assert await greeted(wire, "a", "wrong-wrong-wrong-wrong") == b"\x01\x01"
    async with gate.wire(socks) as wire:
        wire.writer.write(b"\x05\x01\x00")
        assert await wire.reader.readexactly(2) == b"\x05\xff"


async def test_socks_reaches_a_provider_and_is_governed(gate: Gateway, socks: int) -> None:
    """A call through SOCKS and TLS is the run that the user name says."""
    root = gate.house.home / ".leash" / "ca" / "root.pem"
    async with gate.wire(socks) as wire:
        assert await greeted(wire, "socks-run", MASTER) == b"\x01\x00"
        assert (await through(wire, "api.openai.com", 443))[1] == 0
        trust = ssl.create_default_context(cafile=str(root))
        await wire.writer.start_tls(trust, server_hostname="api.openai.com")
        answer = await wire.ask(
            f"POST {CHAT}", BODY, host="api.openai.com", content_type="application/json"
        )
    assert answer.status == 200, answer
    assert gate.house.balance("socks-run").calls == 1


@pytest.mark.parametrize("host", ["169.254.169.254", "localhost", "127.0.0.1"])
async def test_socks_leads_nowhere_private(gate: Gateway, socks: int, host: str) -> None:
    """Neither TLS nor plain HTTP gets to a private address through SOCKS."""
    async with gate.wire(socks) as wire:
        await greeted(wire, "a", MASTER)
        await through(wire, host, 443)
        context = ssl.create_default_context()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await wire.writer.start_tls(context, server_hostname=host)
    async with gate.wire(socks) as wire:
        await greeted(wire, "a", MASTER)
        await through(wire, host, 80)
        answer = await wire.ask("GET /", host=host)
    assert (answer.status, answer.reason) == (403, "passthrough")


async def test_socks_hangs_up_on_a_handshake_that_goes_nowhere(gate: Gateway, socks: int) -> None:
    """A TLS hello to a port that is closed to clients ends the connection, at once."""
    async with gate.wire(socks) as wire:
        await greeted(wire, "a", MASTER)
        await through(wire, "example.com", 8443)
        hello, unused = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = ssl.create_default_context().wrap_bio(unused, hello, server_hostname="example.com")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        wire.writer.write(hello.read())
        async with asyncio.timeout(60):
            assert await wire.reader.read() == b""


async def test_what_is_turned_away_costs_no_connection(
    tmp_path: Path, nursery: Nursery, provider: FakeProvider
) -> None:
    """By default nobody's host is reached at all; what is configured here is."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0)
    port = listening.getsockname()[1]
    toml = f'[providers.mine]\nhosts = ["*.localdomain", "localhost:{port}"]\n'
    gate = await gateway(tmp_path, nursery, provider, toml=toml, LEASH_UPSTREAM="")
    denied = await gate.connect("example.com:443", proxy_authorization=AUTH)
    named = await gate.connect("localhost.localdomain:443", proxy_authorization=AUTH)
    assert (denied.status, "passthrough" in denied.json["error"]["message"]) == (403, True)
    assert named.status == 200  # a provider's; where it leads is looked at when it is called
    with pytest.raises(BlockingIOError):
        listening.accept()
    async with gate.wire() as wire:
        wire.writer.write(f"POST /to/localhost:{port}{CHAT} HTTP/1.1\r\nhost: x\r\n".encode())
        wire.writer.write(
            f"x-leash-token: {MASTER}\r\ncontent-length: {len(BODY)}\r\n\r\n".encode()
        )
        wire.writer.write(BODY)
        listening.settimeout(60)
        connection, _ = await asyncio.to_thread(listening.accept)
        connection.close()  # a provider on this machine is listed by being configured
    listening.close()
    assert gate.leash.end() == 0


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"PROXY TCP4 198.51.100.7 127.0.0.1 4711 443\r\n", id="version 1"),
        pytest.param(
            b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"
            + bytes([198, 51, 100, 9, 127, 0, 0, 1])
            + struct.pack("!HH", 4711, 443),
            id="version 2",
        ),
    ],
)
async def test_a_balancer_announces_its_client(gate: Gateway, header: bytes) -> None:
    """Behind a PROXY header the call is the announced client's; guesses count against that one."""
    statuses = []
    for token in ["wrong-wrong-wrong"] * 6 + [MASTER]:
        async with gate.wire() as wire:
            wire.writer.write(header[:9])
            await wire.writer.drain()
            await asyncio.sleep(0)
            wire.writer.write(header[9:])
            answer = await wire.ask(
                f"POST {CHAT}", BODY, x_leash_token=token, content_type="application/json"
            )
        statuses.append(answer.status)
    other = await gate.chat(x_leash_token=MASTER)
    assert (statuses, other.status) == ([401] * 5 + [429, 429], 200)


async def test_a_second_announcement_is_the_clients_own(gate: Gateway) -> None:
    """What a client writes behind its balancer's header is no header, and no request."""
    async with gate.wire() as wire:
        line = b"PROXY TCP4 198.51.100.8 127.0.0.1 4711 443\r\n"
        answer = await wire.send(line + line + b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    assert answer.status == 400


async def test_a_broken_greeting_writes_no_password(gate: Gateway, socks: int) -> None:
    """A client that hangs up within its greeting, or sends nonsense behind it, is in no log."""
    half = b"\x01\x01a" + bytes([len(MASTER) + 1]) + MASTER.encode()
    header = b"GET / HTTP/1.1\r\nx-leash-token " + MASTER.encode() + b"\r\n\r\n"
    line = MASTER.encode() + b"\r\n\r\n"
    version = b"GET / HTTP/" + MASTER.encode() + b"\r\n\r\n"
    greeting = (socks, b"\x05\x01\x02" + half)
    for port, raw in (greeting, (0, line), (0, header), (0, version)):
        async with gate.wire(port) as wire:
            wire.writer.write(raw)
            await wire.writer.drain()
            wire.writer.write_eof()
            async with asyncio.timeout(60):
                await wire.reader.read()
    async with gate.wire(socks) as wire:
        await greeted(wire, "a", MASTER)
    assert "SOCKS5 handshake" in gate.log_text()
    assert MASTER not in gate.log_text()
