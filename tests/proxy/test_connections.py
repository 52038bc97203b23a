"""Connections: what is opened up, what is tunnelled untouched, what is refused at the door."""

import asyncio
import socket
import ssl

import pytest

from leash_addon.errors import ListenError
from leash_addon.proxy.doors import Door, door
from leash_addon.proxy.master import Proxy
from leash_addon.wire.routes import ProviderRule, Providers
from tests.proxy.world import RUN, MakeWorld, World, chat_answer

POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: api.openai.com\r\ncontent-length: 16\r\n\r\n"
BODY = b'{"model":"tiny"}'

PROVIDERS = Providers(
    rules=(
        ProviderRule(name="openai", hosts=("api.openai.com",)),
        ProviderRule(name="local", hosts=("localhost:11434",)),
    )
)


@pytest.mark.parametrize(
    ("connect", "address", "sni", "expected"),
    [
        pytest.param("api.openai.com", None, "api.openai.com", Door.INTERCEPT, id="provider"),
        pytest.param("api.openai.com", None, "API.OpenAI.com", Door.INTERCEPT, id="case"),
        pytest.param("api.openai.com", None, None, Door.INTERCEPT, id="no SNI"),
        pytest.param("api.openai.com", None, "example.com", Door.REFUSE, id="another SNI"),
        pytest.param("example.com", None, "api.openai.com", Door.REFUSE, id="another CONNECT"),
        pytest.param("10.0.0.1", None, "api.openai.com", Door.REFUSE, id="CONNECT by address"),
        pytest.param("example.com", None, "example.com", Door.TUNNEL, id="nobody's"),
        pytest.param("example.com", None, "cdn.example", Door.TUNNEL, id="nobody's, two names"),
        pytest.param(None, "10.0.0.1", "api.openai.com", Door.INTERCEPT, id="transparent"),
        pytest.param(None, "api.openai.com", "localhost", Door.INTERCEPT, id="reverse"),
        pytest.param(None, "10.0.0.1", None, Door.TUNNEL, id="transparent, no SNI"),
    ],
)
def test_doors(connect: str | None, address: str | None, sni: str | None, expected: Door) -> None:
    """A provider's name on either side opens the connection; two names that differ refuse it."""
    found = door(
        PROVIDERS,
        sni,
        connect=(connect, 443) if connect else None,
        address=(address, 443) if address else None,
    )
    assert found is expected


def test_a_provider_may_be_named_with_its_port() -> None:
    """A server on a port of its own is a provider there and nobody elsewhere."""
    found = [
        door(PROVIDERS, None, connect=("localhost", port), address=None) for port in (11434, 8080)
    ]
    assert found == [Door.INTERCEPT, Door.TUNNEL]


@pytest.mark.asyncio
async def test_another_host_is_tunnelled_untouched(world: MakeWorld) -> None:
    """A host that no pack names is reached with its own certificate, and counted."""
    async with world() as it:
        host = f"localhost:{it.provider.port}"
        theirs = ssl.create_default_context(cafile=str(it.provider_root))
        reader, writer = await it.connected(host, trust=theirs)
        writer.write(POST + BODY)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert head.startswith(b"HTTP/1.1 200")
        assert (it.ledger.balance(RUN).calls, it.addon.coverage.tunnelled) == (0, {"localhost": 1})


@pytest.mark.asyncio
async def test_our_authority_does_not_vouch_for_other_hosts(world: MakeWorld) -> None:
    """A client that trusts only our root cannot reach a tunnelled host."""
    async with world() as it:
        with pytest.raises(ssl.SSLCertVerificationError):
            await it.connected(f"localhost:{it.provider.port}")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("host", "sni"),
    [
        pytest.param("api.openai.com:443", "example.com", id="provider by CONNECT"),
        pytest.param("example.com:443", "api.openai.com", id="provider by SNI"),
        pytest.param("api.openai.com:443", "api.anthropic.com", id="two providers"),
    ],
)
async def test_names_that_differ_are_refused(world: MakeWorld, host: str, sni: str) -> None:
    """A CONNECT and an SNI of different names end the handshake; the provider sees nothing."""
    async with world() as it:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await it.connected(host, sni=sni)
        assert (it.provider.requests, it.addon.coverage.mismatched.total()) == ([], 1)


@pytest.mark.asyncio
async def test_a_client_that_distrusts_us_is_counted(world: MakeWorld) -> None:
    """A client without our root breaks the handshake off, and the coverage names the host."""
    async with world() as it:
        with pytest.raises(ssl.SSLCertVerificationError):
            await it.connected("api.openai.com:443", trust=ssl.create_default_context())
        async with asyncio.timeout(60):
            while not it.addon.coverage.distrusted:  # noqa: ASYNC110 - counted after the alert
                await asyncio.sleep(0.01)
        assert it.addon.coverage.distrusted == {"api.openai.com": 1}


@pytest.mark.asyncio
async def test_other_protocols_are_tunnelled_raw(world: MakeWorld) -> None:
    """Bytes that are no TLS, as of ssh, pass through a CONNECT to another host untouched."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"echo: " + await reader.readline())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with world() as it, server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await raw(it, f"127.0.0.1:{port}")
        writer.write(b"SSH-2.0-test\r\n")
        assert await reader.readline() == b"echo: SSH-2.0-test\r\n"
        writer.close()


@pytest.mark.asyncio
async def test_http_without_tls_inside_a_connect_is_governed(world: MakeWorld) -> None:
    """Plain HTTP through a CONNECT to a provider is a call like any other."""
    async with world() as it:
        reader, writer = await raw(it, "api.openai.com:443")
        writer.write(POST + BODY)
        head = await reader.readuntil(b"\r\n\r\n")
        writer.close()
        assert (head[:12], it.ledger.balance(RUN).calls) == (b"HTTP/1.1 200", 1)


@pytest.mark.asyncio
async def test_no_http_inside_a_connect_to_a_provider_is_refused(world: MakeWorld) -> None:
    """Bytes that are neither TLS nor HTTP do not get through to a provider."""
    async with world() as it:
        reader, writer = await raw(it, "api.openai.com:443")
        writer.write(b"\x00\x01\x02\x03 whatever\r\n\r\n")
        answer = await reader.read(12)
        writer.close()
        assert (answer in (b"", b"HTTP/1.1 400"), it.provider.requests) == (True, [])


@pytest.mark.asyncio
async def test_plain_http_to_another_host_passes(world: MakeWorld) -> None:
    """An absolute-form request to a host that is nobody's goes through, without our headers."""
    async with world(upstream="http") as it, it.client() as client:
        client.headers["x-loop-id"] = "mine"
        answer = await client.get(f"http://localhost:{it.provider.port}/any")
        (seen,) = it.provider.requests
        assert (answer.content, it.ledger.balance(RUN).calls) == (chat_answer(), 0)
        assert {"x-loop-id", "proxy-authorization"} & seen.headers.keys() == set()


@pytest.mark.asyncio
async def test_a_taken_port_is_an_error(world: MakeWorld) -> None:
    """A port that cannot be had raises instead of running on silently."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with world() as it:
            await it.proxy.stop()
            second = Proxy(it.addon, it.authority, port=port)
            with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}"):
                await second.start()


@pytest.mark.asyncio
async def test_a_stopped_proxy_listens_no_more(world: MakeWorld) -> None:
    """After the end nobody answers on the port."""
    async with world() as it:
        port = it.port
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.asyncio
async def test_curl_speaks_through_the_proxy(world: MakeWorld) -> None:
    """The curl of this machine trusts our root and makes a call."""
    async with world() as it:
        command = ["curl", "-sS", "-x", f"http://u:p@127.0.0.1:{it.port}", "--cacert"]
        command += [str(it.authority.root_file), "-d", BODY.decode()]
        command += ["-H", "content-type: application/json"]
        made = await asyncio.create_subprocess_exec(
            *command,
            "https://api.openai.com/v1/chat/completions",
            stdout=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin"},
        )
        out, _ = await made.communicate()
        assert (made.returncode, out) == (0, chat_answer())


async def raw(it: World, host: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a CONNECT and speak no TLS through it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
    writer.write(f"CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    return reader, writer
