"""Where the events of a stream end, in its plain bytes: the only places for a word of our own.

A word in the middle of an event would spoil that event, and the client would read neither. SSE
events end with a blank line (https://html.spec.whatwg.org/multipage/server-sent-events.html,
2026-08), NDJSON with a line, AWS's frames by the length that they begin with. A few bytes are kept.
"""

from copy import copy
from typing import Final, Protocol

SSE: Final = "text/event-stream"
NDJSON: Final = "application/x-ndjson"
EVENT_STREAM: Final = "application/vnd.amazon.eventstream"
BLANK_LINES: Final = (b"\n\n", b"\r\n\r\n", b"\r\r")
LONGEST_END: Final = 4
LENGTH: Final = 4
"""Bytes of the length that an AWS frame begins with."""
SHORTEST_FRAME: Final = 16


class Ends(Protocol):
    """Follows a stream."""

    @property
    def between(self) -> bool:
        """Tell whether what has been fed so far ends with a whole event."""
        ...

    def first(self, piece: bytes) -> int | None:
        """Return how many of the next bytes lead to the first end, if one is there."""
        ...

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        ...


class Lines:
    """Ends that are marked by certain bytes."""

    def __init__(self, marks: tuple[bytes, ...]) -> None:
        """Begin between two events. ``marks``: the bytes that end one."""
        self._marks = marks
        self._tail = b""

    @property
    def between(self) -> bool:
        """Tell whether what has been fed so far ends with a whole event."""
        return not self._tail or self._tail.endswith(self._marks)

    def first(self, piece: bytes) -> int | None:
        """Return how many of the next bytes lead to the first end, if one is there."""
        kept, seen = len(self._tail), self._tail + piece
        found = ((seen.find(mark, max(0, kept - len(mark) + 1)), len(mark)) for mark in self._marks)
        return min((at + size - kept for at, size in found if at >= 0), default=None)

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        whole = piece if len(piece) >= LONGEST_END else self._tail + piece
        self._tail = whole[-LONGEST_END:]


class Frames:
    """Ends that follow from lengths. A stream with an impossible length has no more of them."""

    def __init__(self) -> None:
        """Begin before a frame."""
        self._left = 0
        self._head = b""
        self._lost = False

    @property
    def between(self) -> bool:
        """Tell whether what has been fed so far ends with a whole frame."""
        return not (self._left or self._head or self._lost)

    def first(self, piece: bytes) -> int | None:
        """Return how many of the next bytes lead to the first end, if one is there."""
        ahead = copy(self)
        return ahead._advance(piece)  # noqa: SLF001 - it is one of us

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        self._advance(piece)

    def _advance(self, piece: bytes) -> int | None:
        at, first = 0, None
        while at < len(piece) and not self._lost:
            if not self._left:
                taken = piece[at : at + LENGTH - len(self._head)]
                at, self._head = at + len(taken), self._head + taken
                if len(self._head) == LENGTH:
                    size, self._head = int.from_bytes(self._head), b""
                    self._left, self._lost = size - LENGTH, size < SHORTEST_FRAME
                continue
            step = min(self._left, len(piece) - at)
            at, self._left = at + step, self._left - step
            if not self._left and first is None:
                first = at
        return first


def ends_of(content_type: str) -> Ends | None:
    """Return what finds the ends of a stream; ``None``: a body that has no events."""
    kind = media_type(content_type)
    if kind == SSE:
        return Lines(BLANK_LINES)
    if kind == NDJSON:
        return Lines((b"\n",))
    return Frames() if kind == EVENT_STREAM else None


def media_type(content_type: str) -> str:
    """Return a content type without its parameters, in lower case."""
    return content_type.partition(";")[0].strip().lower()
