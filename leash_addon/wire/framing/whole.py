"""Bodies that are one event, and bodies that are none."""

from leash_addon.wire.event import Event
from leash_addon.wire.framing.framer import MAX_BODY_BYTES


class Whole:
    """Holds a body of at most ``limit`` bytes and yields it at its end."""

    whole = True

    def __init__(self, limit: int = MAX_BODY_BYTES) -> None:
        """``limit``: the longest body in bytes; a longer one is dropped and ``broken`` says so."""
        self.broken: str | None = None
        self._limit = limit
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes, /) -> list[Event]:
        """Hold the chunk; a plain body has no event before its end."""
        self._size += len(chunk)
        if self._size > self._limit:
            self._held.clear()
            self.broken = f"a body of more than {self._limit} bytes was dropped"
        elif chunk:
            self._held.append(chunk)
        return []

    def close(self) -> list[Event]:
        """Return the body as one event; an empty one is none."""
        body = b"".join(self._held)
        self._held.clear()
        return [Event(None, body)] if body else []


class Nothing:
    """Takes audio, images and files, which carry no usage, and holds none of it."""

    whole = False

    def __init__(self) -> None:
        """Start with nothing; there is nothing to bound."""
        self.broken: str | None = None

    def feed(self, _chunk: bytes, /) -> list[Event]:
        """Let the chunk go."""
        return []

    def close(self) -> list[Event]:
        """Return nothing."""
        return []
