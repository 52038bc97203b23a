"""Connections as they are accepted: let in or turned away, and cheap until they ask something.

mitmproxy (12.2.3) makes a handler, two tasks and a stack of layers for every connection that it
accepts: 16 kB, in circles that only the garbage collector takes apart. Here that is made when the
first head is whole, or the first byte of something else (SOCKS, TLS) has come: clients speak first.
Until then a connection costs 2 kB and what it has sent.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol, override

from mitmproxy.proxy.mode_servers import AsyncioServerInstance
from mitmproxy.proxy.mode_specs import ProxyMode, RegularMode

from leash_addon.proxy.patience import PROGRESS

PROBES = (
    ("TCP_KEEPIDLE", 60),
    ("TCP_KEEPINTVL", 15),
    ("TCP_KEEPCNT", 4),
    ("TCP_USER_TIMEOUT", 300_000),
)
"""Seconds of silence until the system asks, between two questions, and how many; milliseconds
that a client may leave what it is sent unread or unacknowledged (Linux: tcp(7), 2024)."""

FLUSH = 30.0
"""Seconds in which some of an answer's rest must go out once mitmproxy has closed a connection."""

LINGER = 2.0
"""Seconds that one who is turned away has to ask and to read why."""

type Served = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


MOST_HEARD = 16_384
"""Bytes of a head after which it is mitmproxy's to bound."""


class Porter(Protocol):
    """Who decides over new connections."""

    def comes(self, one: "Silent") -> bool:
        """Let a connection in, or not."""

    def begins(self, one: "Silent") -> None:
        """Take note that a part of its first head has come."""

    def speaks(self, one: "Silent") -> None:
        """Take note that it is served from now on."""

    def leaves(self, one: "Silent") -> None:
        """Take note that it has gone before that."""

    def gone(self, address: str) -> None:
        """Take note that somebody who was let in has gone."""

    def answer(self, *, http: bool) -> bytes:
        """Return what one who is turned away is told; empty: nothing."""


class Silent(asyncio.Protocol):
    """A client that has asked nothing yet. ``served``: takes the connection when it does."""

    __slots__ = ("_heard", "_http", "_porter", "_served", "address", "transport")

    def __init__(self, porter: Porter, served: Served, *, http: bool) -> None:
        """Wait for it. ``http``: it will speak HTTP."""
        self._porter, self._served, self._http = porter, served, http
        self._heard = b""
        self.address = ""
        self.transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if peer else ""
        self.transport = transport  # type: ignore[assignment]
        probed(transport.get_extra_info("socket"))
        if not self._porter.comes(self):
            self._turn_away()

    @override
    def data_received(self, data: bytes) -> None:
        if self.transport is None:
            return
        self._heard += data
        if self._http and not is_whole(self._heard):
            self._porter.begins(self)
            return
        self._hand_over(self.transport, self._heard)

    def _hand_over(self, transport: asyncio.Transport, heard: bytes) -> None:
        self.transport, self._heard = None, b""
        self._porter.speaks(self)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(loop=loop)
        spoken = Spoken(reader, self._served, partial(self._porter.gone, self.address))
        transport.set_protocol(spoken)
        reader.feed_data(heard)
        spoken.connection_made(transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self.transport is not None:
            self.transport = None
            self._porter.leaves(self)

    def close(self, last_word: bytes = b"") -> None:
        """Hang up, with a last word for who has begun to ask."""
        if self.transport is None:
            return
        if not (self._heard and last_word):
            self.transport.abort()
            return
        away = TurnedAway(self.transport, last_word)
        self.transport.set_protocol(away)
        self.transport = None
        self._porter.leaves(self)
        away.data_received(self._heard)

    def _turn_away(self) -> None:
        transport, self.transport = self.transport, None
        said = self._porter.answer(http=self._http)
        if transport is None:
            return
        if said:
            transport.set_protocol(TurnedAway(transport, said))
        else:
            transport.abort()


def is_whole(heard: bytes) -> bool:
    """Tell whether these bytes are a head, or the beginning of something else or of too much."""
    return (
        not heard[:1].isalpha()
        or b"\n\r\n" in heard
        or b"\n\n" in heard
        or heard.startswith(b"PROXY ")
        or len(heard) > MOST_HEARD
    )


class Spoken(asyncio.StreamReaderProtocol):
    """A client that has spoken. ``gone``: is called when its connection has ended."""

    def __init__(
        self, reader: asyncio.StreamReader, served: Served, gone: Callable[[], None]
    ) -> None:
        """Serve it."""
        super().__init__(reader, partial(_and_end, served), loop=asyncio.get_running_loop())
        self._gone = gone

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._gone()


async def _and_end(
    served: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve; what is then left unread for too long is thrown away, with its socket."""
    try:
        await served(reader, writer)
    finally:
        _flush(writer.transport)


def _flush(transport: asyncio.WriteTransport, before: int | None = None) -> None:
    """See to it that something goes out. ``before``: bytes that were left at the last look."""
    left = transport.get_write_buffer_size()
    if before is not None and left > before - PROGRESS:
        transport.abort()
    elif left:
        asyncio.get_running_loop().call_later(FLUSH, _flush, transport, left)


class TurnedAway(asyncio.Protocol):
    """A client without a place: what it asks is answered with why, and that was it.

    The answer waits for the request, because TCP would drop it with a connection that is closed
    while something unread has come.
    """

    def __init__(self, transport: asyncio.Transport, answer: bytes) -> None:
        """Wait for a request, ``LINGER`` seconds at most."""
        self._transport, self._answer = transport, answer
        self._end = asyncio.get_running_loop().call_later(LINGER, transport.abort)

    @override
    def data_received(self, data: bytes) -> None:
        answer, self._answer = self._answer, b""
        if answer:
            self._transport.write(answer)
            self._transport.write_eof()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._end.cancel()


def probed(connection: socket.socket | None) -> None:
    """Have the system ask a silent client now and then whether it is still there.

    One that lost its power or its network never says goodbye, and its calls would stay open.
    """
    if connection is None:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in PROBES:
        option = getattr(socket, name, None)
        if option is not None:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


@contextmanager
def listening_by(porter: Porter, *, shared: bool) -> Iterator[None]:
    """Have mitmproxy listen so, while the block lasts.

    ``shared``: with SO_REUSEPORT, for which it has no option.
    """
    plain = AsyncioServerInstance.listen

    async def listen(
        self: AsyncioServerInstance[ProxyMode], host: str, port: int
    ) -> list[asyncio.Server]:
        http = isinstance(self.mode, RegularMode)
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(
            lambda: Silent(porter, self.handle_stream, http=http),
            host,
            port,
            reuse_port=shared or None,
        )
        return [listening]

    AsyncioServerInstance.listen = listen  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        AsyncioServerInstance.listen = plain  # type: ignore[method-assign]
