"""A process that is given its order on standard input, and says what went wrong.

It has a session of its own, so that a Ctrl-C in the terminal is the agent's alone. When nobody
waits for it any more it is killed; when the proxy is, its standard input ends.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

SAID: Final = 4096
"""Bytes that are kept of what it says."""
LINE: Final = 200


class Ended(NamedTuple):
    """How it ended. ``said``: the last line of what it said, cut."""

    status: int
    said: str


class Builder(asyncio.SubprocessProtocol):
    """What is heard of the process."""

    def __init__(self) -> None:
        """Begin to listen."""
        self._said = b""
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:  # noqa: ARG002 - asyncio's
        """Keep the end of it."""
        self._said = (self._said + (data if isinstance(data, bytes) else b""))[-SAID:]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """Hear that it has ended, and that all that it said is read."""
        if not self.gone.done():
            self.gone.set_result(None)

    @property
    def last(self) -> str:
        """Return its last line."""
        return self._said.decode(errors="replace").strip().rpartition("\n")[2][:LINE]


async def order_from(command: Sequence[str], order: bytes) -> Ended:
    """Run a process to its end. Raises ``OSError`` where none can be started."""
    loop = asyncio.get_running_loop()
    transport, builder = await loop.subprocess_exec(
        Builder,
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        stdin = transport.get_pipe_transport(0)
        if isinstance(stdin, asyncio.WriteTransport):
            stdin.write(order)
        await builder.gone
        return Ended(transport.get_returncode() or 0, builder.last)
    finally:
        transport.close()
