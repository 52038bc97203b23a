"""Newline-delimited JSON: one event a line (https://github.com/ndjson/ndjson-spec, 1.0.0)."""

from leash_addon.wire.event import Event
from leash_addon.wire.framing.framer import MAX_EVENT_BYTES


class Ndjson:
    """Frames lines, skips empty ones. Holds at most one unfinished line of ``limit`` bytes."""

    whole = False

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        """``limit``: the longest line in bytes; a longer one is dropped, the next one comes."""
        self.broken: str | None = None
        self._limit = limit
        self._held: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes, /) -> list[Event]:
        """Return the lines that an LF ended, without their line ends."""
        lines = chunk.split(b"\n")
        rest = lines.pop()
        events = []
        if lines:
            if self._held:
                self._hold(lines[0])
                lines[0] = self._take()
            events = self._events(lines)
        self._hold(rest)
        return events

    def close(self) -> list[Event]:
        """Return the last line, if the body ended without an LF."""
        return self._events([self._take()])

    def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit + 1:  # a CR may end it
            self._held[:] = [b""]  # its size alone says what becomes of it
        elif piece:
            self._held.append(piece)

    def _take(self) -> bytes:
        line = b"".join(self._held)
        self._held.clear()
        dropped, self._size = self._size > self._limit + 1, 0
        if dropped:
            self._drop()
            return b""
        return line

    def _events(self, lines: list[bytes]) -> list[Event]:
        events = []
        for line in lines:
            text = line.removesuffix(b"\r")
            if len(text) > self._limit:
                self._drop()
            elif text and not text.isspace():
                events.append(Event(None, text))
        return events

    def _drop(self) -> None:
        self.broken = f"a line of more than {self._limit} bytes was dropped"
