r"""A JSON array sent piece by piece, as Gemini streams without ``alt=sse``: ``[{...},\r\n{...}]``.

Source: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent (2025-06).
Nothing is decoded: brackets are counted outside strings, and each object (or array) right inside
the outer array is an event; other members are skipped. Objects in a row without an array around
them are events too, however they are laid out.
"""

import re

from leash_addon.wire.event import Event
from leash_addon.wire.framing.framer import MAX_EVENT_BYTES

TO_BRACKET = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+([{}\[\]"])', re.DOTALL)
"""Everything up to the next bracket, whole strings skipped; or up to a string without an end."""

IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
"""The inside of a string, up to its quote, the end, or a backslash that is cut from its letter."""

QUOTE, OPEN_ARRAY = b'"['
OPENING = b"{["


class JsonArray:
    """Frames the elements of an array. Holds at most one unfinished element of ``limit`` bytes."""

    whole = False

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        """``limit``: the longest element in bytes; a longer one is dropped, the next one comes."""
        self.broken: str | None = None
        self._limit = limit
        self._held: list[bytes] = []
        self._size = 0
        self._depth = 0
        self._outer = 0  # depth of the elements: 1 inside an array
        self._inside = False  # inside an element
        self._in_string = False
        self._escaped = False

    def feed(self, chunk: bytes, /) -> list[Event]:
        """Return the elements whose last bracket came."""
        events: list[Event] = []
        begin = at = 0
        while at < len(chunk):
            if self._in_string:
                at = self._string_end(chunk, at)
                continue
            found = TO_BRACKET.match(chunk, at)
            if found is None:
                break
            at = found.end()
            bracket = chunk[at - 1]
            if bracket == QUOTE:
                self._in_string = True
            elif bracket in OPENING:
                if self._opens_element(bracket):
                    begin = at - 1
            elif self._closes_element():
                self._hold(chunk[begin:at])
                events += self._take()
        if self._inside:
            self._hold(chunk[begin:])
        return events

    def close(self) -> list[Event]:
        """Return nothing: an element without its end is no JSON."""
        if self._depth or self._in_string:
            self.broken = self.broken or "the array ended in the middle"
        self._held.clear()
        return []

    def _string_end(self, chunk: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        found = IN_STRING.match(chunk, at)
        at = found.end() if found else at
        if at < len(chunk):
            self._escaped = chunk[at] != QUOTE
            self._in_string = self._escaped
            at += 1
        return at

    def _opens_element(self, bracket: int) -> bool:
        if not self._depth:
            self._outer = 1 if bracket == OPEN_ARRAY else 0
        begins = self._depth == self._outer
        self._depth += 1
        self._inside = self._inside or begins
        return begins

    def _closes_element(self) -> bool:
        self._depth = max(0, self._depth - 1)
        ends = self._inside and self._depth == self._outer
        if ends:
            self._inside = False
        return ends

    def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= self._limit:
            self._held.append(piece)
        else:
            self._held.clear()

    def _take(self) -> list[Event]:
        element = b"".join(self._held)
        self._held.clear()
        fits, self._size = self._size <= self._limit, 0
        if fits:
            return [Event(None, element)]
        self.broken = f"an element of more than {self._limit} bytes was dropped"
        return []
