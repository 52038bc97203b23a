"""Where the events of a stream end, in its plain bytes: the only places for a word of our own.

A word in the middle of an event would spoil that event, and the client would read neither. SSE
events end with a blank line (https://html.spec.whatwg.org/multipage/server-sent-events.html,
2026-08), NDJSON with a line, AWS's frames by the length that they begin with. A few bytes are kept.
"""

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
    """Follows a stream. ``between``: what has been fed so far ends with a whole event."""

    between: bool

    def feed(self, piece: bytes) -> int | None:
        """Take the next bytes; return how many of them lead to the first end, if one is there."""
        ...


class Lines:
    """Ends that are marked by certain bytes."""

    def __init__(self, marks: tuple[bytes, ...]) -> None:
        """Begin between two events. ``marks``: the bytes that end one."""
        self._marks = marks
        self._tail = b""
        self.between = True

    def feed(self, piece: bytes) -> int | None:
        """Take the next bytes; return how many of them lead to the first end, if one is there."""
        kept = len(self._tail)
        seen = self._tail + piece
        ends = [
            at + len(mark)
            for mark in self._marks
            if (at := seen.find(mark, max(0, kept - len(mark) + 1))) >= 0
        ]
        self._tail = seen[-LONGEST_END + 1 :]
        if piece:
            self.between = seen.endswith(self._marks)
        return min(ends) - kept if ends else None


class Frames:
    """Ends that follow from lengths."""

    def __init__(self) -> None:
        """Begin before a frame."""
        self._left = 0
        self._head = b""
        self._lost = False
        self.between = True

    def feed(self, piece: bytes) -> int | None:
        """Take the next bytes; return how many of them lead to the first end, if one is there."""
        at, first = 0, None
        while at < len(piece) and not self._lost:
            if not self._left:
                taken = piece[at : at + LENGTH - len(self._head)]
                self._head += taken
                at += len(taken)
                if len(self._head) < LENGTH:
                    break
                size = int.from_bytes(self._head)
                self._lost = size < SHORTEST_FRAME
                self._left, self._head = size - LENGTH, b""
                continue
            step = min(self._left, len(piece) - at)
            at, self._left = at + step, self._left - step
            if not self._left and first is None:
                first = at
        self.between = not self._left and not self._head and not self._lost
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
