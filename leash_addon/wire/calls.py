"""What happens on a WebSocket, as the proxy sees it: calls open and calls settle."""

from dataclasses import dataclass
from typing import Literal, Protocol

from leash_addon.core.reading import Reading

type Direction = Literal["sent", "received"]
"""Seen from the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A call begins.

    ``asked``: the client's message, which can be refused before it is sent on; ``None`` where the
    server began by itself.
    """

    key: int
    asked: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A call ended. ``kind``: ``response``, or ``transcription`` by a model of its own."""

    key: int
    reading: Reading
    kind: str = "response"


type SocketEvent = Opened | Settled


class SocketMeter(Protocol):
    """Meters one connection. Never raises; a message that is no JSON is passed over.

    ``model``: as the connection's set-up named it.
    """

    @property
    def model(self) -> str | None:
        """Return the model of calls that name none themselves."""
        ...

    def feed(self, direction: Direction, data: bytes) -> list[SocketEvent]:
        """Take one whole message and return what it opens and settles."""
        ...

    def withdraw(self, key: int) -> None:
        """Forget a call whose message was refused and never sent on."""
        ...

    def reading(self, key: int) -> Reading:
        """Return what is known of an open call by now."""
        ...

    def close(self) -> list[SocketEvent]:
        """Hear that the connection ended; settle what is still open from what was seen."""
        ...
