"""Which servers may be reached."""

import asyncio
import ipaddress
import socket

import pytest

from leash_addon.config.packs import load_providers
from leash_addon.config.reachable import networks, passthrough, ports, private_hosts
from leash_addon.proxy.reach import Reach, UnreachableError, choose, is_public, pin_lookups

PROVIDERS = load_providers()


def reach(**given: object) -> Reach:
    """Make the reach of a shared proxy."""
    return Reach(providers=PROVIDERS, **{"guarded": True, "passthrough": "deny", **given})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "host", "port", "allowed"),
    [
        pytest.param({}, "api.openai.com", 443, True, id="provider"),
        pytest.param({}, "API.OpenAI.com.", 443, True, id="provider, written otherwise"),
        pytest.param({}, "x.openai.azure.com", 443, True, id="provider's pattern"),
        pytest.param({}, "api.openai.com", 22, False, id="provider, port 22"),
        pytest.param({"ports": (443, 22)}, "api.openai.com", 22, True, id="port 22 listed"),
        pytest.param({}, "localhost", 11434, True, id="provider on its own port"),
        pytest.param({}, "localhost", 22, False, id="another port there"),
        pytest.param({}, "example.com", 443, False, id="nobody's"),
        pytest.param({}, "api.openai.com.evil.example", 443, False, id="a longer name"),
        pytest.param({"passthrough": "tunnel"}, "example.com", 443, True, id="tunnel"),
        pytest.param({"passthrough": "tunnel"}, "example.com", 22, False, id="tunnel, port 22"),
        pytest.param({"passthrough": ("example.com",)}, "example.com", 443, True, id="listed"),
        pytest.param({"passthrough": ("example.com",)}, "www.example.com", 443, False, id="below"),
        pytest.param({"passthrough": ("*.example.com",)}, "a.example.com", 443, True, id="glob"),
        pytest.param({"passthrough": ("a.example:22",)}, "a.example", 22, True, id="with port"),
        pytest.param({"passthrough": ("a.example:22",)}, "a.example", 443, False, id="other port"),
        pytest.param(
            {"passthrough": "tunnel", "guarded": False}, "localhost", 22, True, id="leash run"
        ),
    ],
)
def test_names(given: dict[str, object], host: str, port: int, allowed: bool) -> None:
    """A CONNECT goes to providers, and to what is listed, on ports that are."""
    assert (reach(**given).why_not(host, port, connect=True) is None) is allowed


@pytest.mark.parametrize(
    ("given", "host", "port", "allowed"),
    [
        pytest.param({}, "api.openai.com", 80, True, id="provider"),
        pytest.param({}, "api.openai.com", 443, True, id="provider, by base URL"),
        pytest.param({}, "api.openai.com", 8080, False, id="provider, port 8080"),
        pytest.param({"ports": (8443,)}, "api.openai.com", 443, True, id="443 is always one"),
        pytest.param({"ports": (443, 8080)}, "api.openai.com", 8080, True, id="port listed"),
        pytest.param({"passthrough": "tunnel"}, "example.com", 25, False, id="mail"),
        pytest.param({"passthrough": ("a.example",)}, "a.example", 8080, False, id="listed"),
        pytest.param({"passthrough": ("a.example:8080",)}, "a.example", 8080, True, id="with port"),
        pytest.param({}, "localhost", 11434, True, id="provider on its own port"),
        pytest.param(
            {"passthrough": "tunnel", "private": private_hosts("git.corp:8080")},
            "git.corp",
            8080,
            True,
            id="private, with port",
        ),
        pytest.param(
            {"passthrough": "tunnel", "guarded": False}, "localhost", 22, True, id="leash run"
        ),
    ],
)
def test_ports_of_plain_requests(
    given: dict[str, object], host: str, port: int, allowed: bool
) -> None:
    """A request without a tunnel goes to ports 80 and 443, and to those that are listed."""
    assert (reach(**given).why_not(host, port) is None) is allowed


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("168.63.129.16", False),
        ("192.0.0.192", False),
        ("::127.0.0.1", False),
        ("fec0::1", False),
        ("64:ff9b:1::7f00:1", False),
        ("3fff::1", False),
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("0.0.0.0", False),
        ("10.0.0.1", False),
        ("172.31.255.255", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00:ec2::254", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
        ("2001:0:0:0:0:0:80ff:fffe", False),
    ],
)
def test_addresses(address: str, public: bool) -> None:
    """Only addresses of the internet at large pass, however an address is wrapped in another."""
    assert reach(passthrough="tunnel").permits(address, "name.example", 443) is public


@pytest.mark.parametrize(
    ("given", "address", "name", "allowed"),
    [
        pytest.param(
            {"private": private_hosts("10.1.0.0/16")}, "10.1.2.3", "a", True, id="network"
        ),
        pytest.param({"private": private_hosts("10.1.0.0/16")}, "10.2.2.3", "a", False, id="other"),
        pytest.param(
            {"private": private_hosts("git.corp")}, "10.2.2.3", "git.corp", True, id="host"
        ),
        pytest.param(
            {"private": private_hosts("git.corp")},
            "169.254.169.254",
            "git.corp",
            False,
            id="a listed name at the metadata address",
        ),
        pytest.param(
            {"private": private_hosts("169.254.169.254")},
            "169.254.169.254",
            "169.254.169.254",
            True,
            id="that address listed itself",
        ),
        pytest.param({"passthrough": ("git.corp",)}, "10.0.0.1", "git.corp", True, id="exact name"),
        pytest.param({"passthrough": ("*.corp",)}, "10.0.0.1", "git.corp", False, id="a pattern"),
        pytest.param({}, "127.0.0.1", "api.openai.com", False, id="a provider's name"),
        pytest.param({"guarded": False}, "127.0.0.1", "localhost", True, id="leash run"),
    ],
)
def test_what_is_listed(given: dict[str, object], address: str, name: str, allowed: bool) -> None:
    """Private addresses are reached where they, or exactly the name, are listed."""
    assert reach(**given).permits(address, name, 443) is allowed


def test_an_upstream_is_listed_by_being_configured() -> None:
    """Where providers' calls are sent may be on this machine, on that very port."""
    at = reach(upstreams=frozenset({("localhost", 9099)}))
    assert at.permits("127.0.0.1", "localhost", 9099)
    assert not at.permits("127.0.0.1", "localhost", 9098)
    assert at.permits("127.0.0.1", "localhost", 11434)  # Ollama's, in the pack


@pytest.mark.asyncio
async def test_a_name_is_judged_by_where_it_leads() -> None:
    """A name that resolves to this machine is as unreachable as its address."""
    with pytest.raises(UnreachableError, match="not public"):
        await reach(passthrough="tunnel").addresses("localhost", 443)
    with pytest.raises(UnreachableError, match="not public"):
        await reach(passthrough="tunnel").addresses("0x7f000001", 443)


@pytest.mark.asyncio
async def test_the_address_that_was_looked_at_is_the_one_that_is_connected_to() -> None:
    """A name is not asked for again when the connection is made: this one nobody could resolve."""
    loop = asyncio.get_running_loop()
    pin_lookups(loop)
    pin_lookups(loop)
    came: asyncio.Future[bool] = loop.create_future()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.set_result(True)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await loop.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM)
        choose("rebound.invalid", port, found)
        _, writer = await asyncio.open_connection("rebound.invalid", port)
        assert await came
        writer.close()


def test_embedded_addresses_are_not_public_by_themselves() -> None:
    """The registry's own word decides over plain addresses."""
    assert is_public(ipaddress.ip_address("1.1.1.1"))
    assert not is_public(ipaddress.ip_address("192.0.2.1"))


@pytest.mark.parametrize(
    ("read", "value", "complaint"),
    [
        pytest.param(passthrough, "http://x", "is no host", id="a URL"),
        pytest.param(passthrough, ["deny", "a"], "is neither", id="both"),
        pytest.param(passthrough, [], "is neither", id="nothing"),
        pytest.param(passthrough, 7, "is no list", id="a number"),
        pytest.param(networks, "10.0.0.0/33", "is no address", id="no network"),
        pytest.param(private_hosts, "a b", "is no host", id="no host"),
        pytest.param(ports, "http", "is no list of ports", id="no port"),
        pytest.param(ports, [0], "ports are 1 to 65535", id="port 0"),
        pytest.param(ports, True, "is no list of ports", id="true"),
    ],
)
def test_what_is_wrong_is_said(read: object, value: object, complaint: str) -> None:
    """A setting that cannot be read says what to write."""
    with pytest.raises(ValueError, match=complaint):
        read(value)  # type: ignore[operator]
