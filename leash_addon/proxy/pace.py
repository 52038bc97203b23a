"""A client is read no faster than it is judged.

While a hook thinks (a turn of a WebSocket waits for money, a key is looked up), mitmproxy (12.2.3)
reads on and keeps what comes in a queue without a bound: a gigabyte in five seconds. Here reading
stops, on both sides of the connection, while more than ``MOST_QUEUED`` pieces wait.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mitmproxy.proxy.layers.http import HttpLayer
from mitmproxy.proxy.layers.http._http1 import Http1Server
from mitmproxy.proxy.server import ConnectionHandler

MOST_QUEUED = 32
"""Pieces of at most 64 kB, which is what mitmproxy reads at once."""

LOOK_AGAIN = 0.01


@contextmanager
def paced(server_of: Callable[[str], Http1Server | None]) -> Iterator[None]:
    """Read no faster as long as the block lasts. ``server_of``: finds what reads a client."""
    plain = ConnectionHandler.drain_writers

    async def drain_writers(self: ConnectionHandler) -> None:
        await plain(self)  # type: ignore[no-untyped-call]
        server = server_of(self.client.id)
        while server is not None and queued(server) > MOST_QUEUED:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(LOOK_AGAIN)

    ConnectionHandler.drain_writers = drain_writers  # type: ignore[method-assign]
    try:
        yield
    finally:
        ConnectionHandler.drain_writers = plain  # type: ignore[method-assign]


def queued(server: Http1Server) -> int:
    """Count the pieces that wait for a hook of the request that a connection is at."""
    parent = server.context.layers[-2]
    stream = parent.streams.get(server.stream_id) if isinstance(parent, HttpLayer) else None
    if stream is None:
        return 0
    inner = stream.child_layer
    return sum(len(each._paused_event_queue) for each in (stream, inner) if each is not None)  # noqa: SLF001
