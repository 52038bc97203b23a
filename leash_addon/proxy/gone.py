"""What comes of a client that is gone before its TLS handshake begins: nothing.

mitmproxy (12.2.3) begins no handshake on a connection that is closed by then, and breaks on the
bytes that were still on their way to it.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.tls import TLSLayer


@contextmanager
def without_the_gone() -> Iterator[None]:
    """Drop bytes for a handshake that never began, as long as the block lasts."""
    plain = TLSLayer.receive_data

    def receive_data(self: TLSLayer, data: bytes) -> CommandGenerator[None]:
        if self.tls is not None:
            yield from plain(self, data)

    TLSLayer.receive_data = receive_data  # type: ignore[method-assign]
    try:
        yield
    finally:
        TLSLayer.receive_data = plain  # type: ignore[method-assign]
