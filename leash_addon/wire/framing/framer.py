"""The shape of every framer: bytes in, events out, never an exception."""

from typing import Protocol

from leash_addon.wire.event import Event

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""The longest event that a stream framer holds. A longer one is dropped and ``broken`` says so."""

MAX_BODY_BYTES = 64 * 1024 * 1024
"""The longest plain body that is held for parsing at its end."""


class Framer(Protocol):
    """Splits one body, fed in pieces of any size, into events.

    However the body is cut, the events are the same. ``broken`` stays ``None`` while all is well
    and else says what was lost; events after the loss still come where the framing can go on.
    """

    @property
    def whole(self) -> bool:
        """Tell whether an event is a body of its own, not a piece of a stream; known at its end."""
        ...

    @property
    def broken(self) -> str | None:
        """What was lost so far."""
        ...

    def feed(self, chunk: bytes, /) -> list[Event]:
        """Take the next bytes and return the events that they complete."""
        ...

    def close(self) -> list[Event]:
        """Return what the end of the body completes. Feeding ends here."""
        ...
