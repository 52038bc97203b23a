"""Which framer a body needs: its content type says, and its first bytes where that is not enough.

JSON types name three framings (a plain body, Gemini's array, objects in a row), and recorded
traffic has SSE under ``application/json`` and bodies without any content type.
"""

from leash_addon.wire.event import Event
from leash_addon.wire.framing.eventstream import EventStream
from leash_addon.wire.framing.framer import Framer
from leash_addon.wire.framing.json_array import JsonArray
from leash_addon.wire.framing.ndjson import Ndjson
from leash_addon.wire.framing.sse import BOM, Sse
from leash_addon.wire.framing.whole import Nothing, Whole

LINES = (
    "application/jsonl",
    "application/ndjson",
    "application/stream+json",
    "application/x-jsonl",
    "application/x-ndjson",
)
MEDIA = ("audio/", "font/", "image/", "video/")
SSE_STARTS = (b"data:", b"event:", b":", b"id:", b"retry:", b"error:")
LOOK = max(len(start) for start in SSE_STARTS)
SNIFF_BYTES = 4096
"""How far white space before the first text is skipped: some servers keep alive with it."""
SPACE = b" \t\r\n"
ROWS = (b"}\n{", b"}\r\n{")
"""Line ends between brackets: in no JSON text, only between two of them."""


def framer_for(content_type: str) -> Framer:
    """Return a framer for a body of this content type; parameters and case do not matter."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/vnd.amazon.eventstream":
        return EventStream()
    if kind.startswith(MEDIA):
        return Nothing()
    if kind in LINES:
        return Ndjson()
    if kind == "text/event-stream":
        return Sniffed(Sse())
    return Sniffed(Whole() if not kind or "json" in kind or kind.startswith("text/") else Nothing())


class Sniffed:
    """Frames by what the first bytes are, or by the default if they say nothing."""

    def __init__(self, default: Framer) -> None:
        """``default``: the framer that the content type names."""
        self._default = default
        self._start = b""
        self._chosen: Framer | None = None

    @property
    def whole(self) -> bool:
        """Tell whether a plain body was found."""
        return isinstance(self._chosen, Whole)

    @property
    def broken(self) -> str | None:
        """What the chosen framer lost."""
        return self._chosen.broken if self._chosen else None

    def feed(self, chunk: bytes, /) -> list[Event]:
        """Return what the chosen framer makes of the bytes; nothing until it is chosen."""
        if self._chosen is not None:
            return self._chosen.feed(chunk)
        self._start += chunk
        if len(_text(self._start)) < LOOK and len(self._start) < SNIFF_BYTES:
            return []
        return self._choose()

    def close(self) -> list[Event]:
        """Return the rest. Objects in a row that no content type announced are told apart here."""
        early = self._choose() if self._chosen is None else []
        late = self._chosen.close() if self._chosen else []
        if isinstance(self._chosen, Whole) and late and any(row in late[0].data for row in ROWS):
            self._chosen = JsonArray()
            return [*self._chosen.feed(late[0].data), *self._chosen.close()]
        return [*early, *late]

    def _choose(self) -> list[Event]:
        start, self._start = self._start, b""
        self._chosen = _by_first_bytes(start) or self._default
        return self._chosen.feed(start)


def _text(start: bytes) -> bytes:
    return start[:SNIFF_BYTES].removeprefix(BOM).lstrip(SPACE)


def _by_first_bytes(start: bytes) -> Framer | None:
    text = _text(start)
    if text.startswith(b"{"):
        return Whole()
    if text.startswith(b"["):
        return JsonArray()
    if text.startswith(SSE_STARTS):
        return Sse()
    return EventStream() if text.startswith(b"\0") else None
