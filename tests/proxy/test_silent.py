"""Connections as they are accepted, on real sockets."""

import asyncio
import socket

import pytest

from leash_addon.proxy import silent
from leash_addon.proxy.silent import Silent

WAVE = 8 * 1024 * 1024
"""Bytes of an answer: more than the socket buffers of both ends hold."""

HEAD = b"GET / HTTP/1.1\r\n\r\n"


class Porter:
    """Lets everybody in, or nobody, and remembers what it was told."""

    def __init__(self, *, lets_in: bool = True) -> None:
        """Begin."""
        self.lets_in, self.told = lets_in, asyncio.Queue[str]()

    def comes(self, _: Silent) -> bool:
        """Let it in, or not."""
        return self.lets_in

    def begins(self, _: Silent) -> None:
        """Remember."""
        self.told.put_nowait("begins")

    def speaks(self, _: Silent) -> None:
        """Remember."""
        self.told.put_nowait("speaks")

    def leaves(self, _: Silent) -> None:
        """Remember."""
        self.told.put_nowait("leaves")

    def gone(self, address: str) -> None:
        """Remember."""
        self.told.put_nowait(f"gone {address}")

    def answer(self, *, http: bool) -> bytes:
        """Say no."""
        return b"no" if http else b""


async def listening(porter: Porter, served: silent.Served, *, http: bool = True) -> asyncio.Server:
    """Listen on a port of its own."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Silent(porter, served, http=http), "127.0.0.1", 0)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send back what comes first."""
    writer.write(await reader.read(100))
    writer.close()


async def floods(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send more than anybody reads, and close."""
    writer.write(b"x" * WAVE)
    writer.close()


async def said(server: asyncio.Server, raw: bytes) -> bytes:
    """Send bytes; return everything that comes back."""
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(raw)
    async with asyncio.timeout(10):
        found = await reader.read()
    writer.close()
    return found


@pytest.mark.asyncio
async def test_the_first_bytes_reach_who_serves() -> None:
    """Nothing of what a client says is lost, and its end is told once."""
    porter = Porter()
    async with await listening(porter, echo) as server:
        assert await said(server, HEAD) == HEAD
        told = [await porter.told.get() for _ in range(2)]
    assert (told, porter.told.empty()) == (["speaks", "gone 127.0.0.1"], True)


@pytest.mark.asyncio
async def test_who_says_nothing_is_served_by_nobody() -> None:
    """A client that hangs up without a word leaves nothing but that."""
    porter = Porter()
    async with await listening(porter, echo) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.close()
        assert await porter.told.get() == "leaves"
    assert porter.told.empty()


@pytest.mark.parametrize(("http", "answer"), [(True, b"no"), (False, b"")], ids=["HTTP", "other"])
@pytest.mark.asyncio
async def test_who_is_turned_away_hears_why_where_it_can(http: bool, answer: bytes) -> None:
    """HTTP has words for it; elsewhere the connection ends."""
    porter = Porter(lets_in=False)
    async with await listening(porter, echo, http=http) as server:
        try:
            found = await said(server, b"GET")
        except ConnectionError:
            found = b""
    assert (found, porter.told.empty()) == (answer, True)


@pytest.mark.asyncio
async def test_an_answer_that_nobody_reads_keeps_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once its server has closed it, a client has a while to read the rest, and no more."""
    monkeypatch.setattr(silent, "FLUSH", 0.05)
    porter = Porter()
    async with await listening(porter, floods) as server:
        with socket.create_connection(server.sockets[0].getsockname()) as client:
            client.send(HEAD)
            async with asyncio.timeout(10):
                assert await porter.told.get() == "speaks"
                assert await porter.told.get() == "gone 127.0.0.1"


@pytest.mark.asyncio
async def test_a_slow_reader_gets_the_whole_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes after its server has closed it, as long as it goes on."""
    monkeypatch.setattr(silent, "FLUSH", 0.05)
    async with await listening(Porter(), floods) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(HEAD)
        came = 0
        while piece := await reader.read(2**20):
            came, _ = came + len(piece), await asyncio.sleep(0.005)
        writer.close()
    assert came == WAVE


@pytest.mark.parametrize(
    ("heard", "whole"),
    [
        pytest.param(HEAD, True, id="a head"),
        pytest.param(b"GET /\n\n", True, id="bare line feeds"),
        pytest.param(HEAD[:-1], False, id="nearly"),
        pytest.param(b"G", False, id="a letter"),
        pytest.param(b"\x16\x03", True, id="TLS"),
        pytest.param(b"\x05\x01", True, id="SOCKS"),
        pytest.param(b"\r\n", True, id="empty lines"),
        pytest.param(b"PROXY TCP4", True, id="PROXY protocol"),
        pytest.param(b"x" * (silent.MOST_HEARD + 1), True, id="too much"),
    ],
)
def test_a_head_is_waited_for_and_nothing_else(heard: bytes, whole: bool) -> None:
    """What can only be a head is kept until it is one."""
    assert silent.is_whole(heard) is whole


@pytest.mark.asyncio
async def test_a_head_that_comes_byte_by_byte_arrives_whole() -> None:
    """However it is cut, and who is given up in the middle of it is told."""
    porter = Porter()
    ones: list[Silent] = []
    loop = asyncio.get_running_loop()

    def made() -> Silent:
        ones.append(Silent(porter, echo, http=True))
        return ones[-1]

    async with await loop.create_server(made, "127.0.0.1", 0) as server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for byte in HEAD:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert await reader.read() == HEAD
        writer.close()
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(HEAD[:9])
        while await porter.told.get() != "gone 127.0.0.1":
            pass
        assert await porter.told.get() == "begins"
        ones[-1].close(b"too late")
        assert await reader.read() == b"too late"
        assert await porter.told.get() == "leaves"
        writer.close()
