"""A connection that is closed is tidied up, whatever its task was doing.

mitmproxy (12.2.3) closes a connection by cancelling the task that reads it. Where the cancellation
finds that task waiting to hand on what came last, nobody tells the layers of the end (so that an
open call is not settled) and the socket stays open for as long as the process lives. Here both are
made up for, and a client's connection is not cancelled once more as it ends.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mitmproxy.connection import Connection, ConnectionState
from mitmproxy.proxy.events import ConnectionClosed
from mitmproxy.proxy.server import ConnectionHandler


@contextmanager
def closed_for_good() -> Iterator[None]:
    """Leave no closed connection behind, as long as the block lasts."""
    handle, close = ConnectionHandler.handle_connection, ConnectionHandler.close_connection

    async def handle_connection(self: ConnectionHandler, connection: Connection) -> None:
        try:
            await handle(self, connection)
        finally:
            left = self.transports.get(connection)
            if left is not None:
                connection.state = ConnectionState.CLOSED
                if left.writer is not None:
                    left.writer.close()
                try:
                    await self.server_event(ConnectionClosed(connection))
                finally:
                    self.transports.pop(connection, None)

    def close_connection(
        self: ConnectionHandler,
        connection: Connection,
        half_close: bool = False,
    ) -> None:
        if connection is self.client and connection.state is ConnectionState.CLOSED:
            return
        close(self, connection, half_close)

    ConnectionHandler.handle_connection = handle_connection  # type: ignore[method-assign]
    ConnectionHandler.close_connection = close_connection  # type: ignore[method-assign]
    try:
        yield
    finally:
        ConnectionHandler.handle_connection = handle  # type: ignore[method-assign]
        ConnectionHandler.close_connection = close  # type: ignore[method-assign]
