"""Where a jail's connections come out: to the proxy, or into the count of what was tried."""

import asyncio
import contextlib
import json
import socket

from leash_addon.cli.attempts import attempt_in
from leash_addon.proxy.coverage import Coverage, count
from leash_addon.proxy.peers import Peers

PACKET, PIECE = 512, 64 * 1024
INCOMING = 0
"""The kind of a packet that arrives; on loopback each is seen leaving, too."""


class Gate:
    """The gate of one jail. ``problem``: why it could not be made."""

    def __init__(self, port: int, coverage: Coverage, peers: Peers | None) -> None:
        """Lead to the proxy at ``port``."""
        self.problem: str | None = None
        self._port, self._coverage = port, coverage
        self._known = {} if peers is None else peers.jailed
        self._pid = 0
        self._server: asyncio.Server | None = None
        self._packets: socket.socket | None = None

    async def keep(self, door: socket.socket) -> None:
        """Take the jail's sockets over, and let the command begin."""
        message, handles = await _received(door)
        told = json.loads(message or b"{}")
        if not handles:
            self.problem = told.get("problem", "it ended before it began")
            return
        self._pid = told["pid"]
        listening, self._packets = (socket.socket(fileno=handle) for handle in handles)
        self._packets.setblocking(False)  # noqa: FBT003 - its signature
        asyncio.get_running_loop().add_reader(self._packets, self._watch)
        self._server = await asyncio.start_server(self._relay, sock=listening)
        door.send(b"!")

    def close(self) -> None:
        """Let nobody in or out any more."""
        if self._server is not None:
            self._server.close()
        if self._packets is not None:
            asyncio.get_running_loop().remove_reader(self._packets)
            self._watch()
            self._packets.close()

    def _watch(self) -> None:
        """Count what was tried past leash."""
        assert self._packets is not None  # noqa: S101 - for the type checker
        with contextlib.suppress(OSError):
            while True:
                packet, address = self._packets.recvfrom(PACKET)
                attempt = attempt_in(packet) if address[2] == INCOMING else None
                if attempt is not None:
                    count(self._coverage.direct, attempt)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with socket.socket() as passing:
            passing.setblocking(False)  # noqa: FBT003 - its signature
            passing.bind(("127.0.0.1", 0))
            outside, inside = passing.getsockname()[1], writer.get_extra_info("peername")[1]
            self._known[outside] = (inside, self._pid)
            try:
                await self._splice(reader, writer, passing)
            except OSError:
                pass  # the proxy has gone, and says why
            finally:
                self._known.pop(outside, None)
                writer.close()

    async def _splice(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passing: socket.socket
    ) -> None:
        await asyncio.get_running_loop().sock_connect(passing, ("127.0.0.1", self._port))
        there, back = await asyncio.open_connection(sock=passing)
        try:
            await asyncio.gather(_pass(reader, back), _pass(there, writer))
        finally:
            back.close()


async def _received(door: socket.socket) -> tuple[bytes, list[int]]:
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(door, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(door)
    message, handles, _, _ = socket.recv_fds(door, 4096, 2, socket.MSG_CMSG_CLOEXEC)
    return message, handles


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
