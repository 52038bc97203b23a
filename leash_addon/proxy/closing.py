"""A connection that is to be closed is closed, however often its task is told so.

mitmproxy 12.2.3 ends a connection by cancelling the task that reads it; the task then tells the
layers and closes the socket. Told a second time, while it waits for its turn to tell the layers
(which tasks that start eagerly make likely), it dies there: the socket stays open for ever, and the
layers never hear of the end. A TLS handshake that is refused inside a SOCKS connection does that.
"""

from asyncio import CancelledError
from collections.abc import Iterator
from contextlib import contextmanager

from mitmproxy.connection import Connection, ConnectionState
from mitmproxy.proxy.events import ConnectionClosed
from mitmproxy.proxy.server import ConnectionHandler


@contextmanager
def closing() -> Iterator[None]:
    """Close them all for as long as the block lasts, in this process."""
    plain = ConnectionHandler.handle_connection

    async def handle_connection(self: ConnectionHandler, connection: Connection) -> None:
        try:
            await plain(self, connection)
        except CancelledError:
            if connection in self.transports:
                await _close(self, connection)
            raise

    ConnectionHandler.handle_connection = handle_connection  # type: ignore[method-assign]
    try:
        yield
    finally:
        ConnectionHandler.handle_connection = plain  # type: ignore[method-assign]


async def _close(handler: ConnectionHandler, connection: Connection) -> None:
    """Tell the layers, whatever comes between, then close the socket."""
    connection.state = ConnectionState.CLOSED
    told = False
    while not told:
        try:
            await handler.server_event(ConnectionClosed(connection))
            told = True
        except CancelledError:  # once more: it is on its way out already
            continue
    left = handler.transports.pop(connection, None)
    if left is not None and left.writer is not None:
        left.writer.close()
