"""How large one message of a WebSocket may be: mitmproxy keeps it until its last frame has come.

It has no bound of its own, and adds every piece by copying all that came before. A message that is
too large, or in too many frames, closes the connection in both directions with 1009 (RFC 6455).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from mitmproxy.proxy.events import DataReceived, Event
from mitmproxy.proxy.layer import CommandGenerator
from mitmproxy.proxy.layers.websocket import WebsocketLayer
from wsproto.events import CloseConnection
from wsproto.frame_protocol import CloseReason

MOST_MESSAGE = 32 * 1024 * 1024
"""Bytes of a message; OpenAI takes 15 MiB of audio at once, which is 20 as Base64."""

MOST_FRAMES = 65_536
"""Frames of a message."""


@contextmanager
def bounded_messages(most: int) -> Iterator[None]:
    """Bound messages at ``most`` bytes or ``MOST_MESSAGE``, as long as the block lasts."""
    plain = WebsocketLayer.relay_messages
    bound = min(most, MOST_MESSAGE)

    def relay_messages(self: WebsocketLayer, event: Event) -> CommandGenerator[None]:
        yield from plain(self, event)
        for ws in (self.client_ws, self.server_ws):
            kept = ws.frame_buf
            if len(kept) <= MOST_FRAMES and sum(map(len, kept)) <= bound:
                continue
            ws.frame_buf = [b""]
            # As if the peer had closed it so: mitmproxy tells both sides, and its hooks.
            ws._events.append(CloseConnection(CloseReason.MESSAGE_TOO_BIG, "message too big"))  # noqa: SLF001
            yield from plain(self, DataReceived(ws.conn, b""))
            return

    WebsocketLayer.relay_messages = relay_messages  # type: ignore[method-assign]
    try:
        yield
    finally:
        WebsocketLayer.relay_messages = plain  # type: ignore[method-assign]
