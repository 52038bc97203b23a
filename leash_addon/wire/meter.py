"""The meter of one answer: bytes as they pass, decoded, framed, read by their format.

It is fed a copy of what goes to the client and never raises: after an internal surprise the call
is blind, with a note that says so, and the bytes go on. The answer may be cut anywhere, and fed
in pieces of any size; the reading is the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from leash_addon.core.reading import Reading
from leash_addon.wire.asked import Asked
from leash_addon.wire.coding import decoder
from leash_addon.wire.formats import Answer, meter_for
from leash_addon.wire.formats.reply import HeardReply
from leash_addon.wire.formats.seen import Seen
from leash_addon.wire.framing import framer_for
from leash_addon.wire.routes import Route

ROWS: Final = MappingProxyType(
    {"openai.batch": "application/x-ndjson", "anthropic.batch": "application/x-ndjson"}
)
"""Result files are rows whatever type they come with, so that no file is held as a whole."""


class Meter:
    """Meters one answer. ``complete``: its format said that it is whole, so it can be settled."""

    def __init__(
        self,
        route: Route,
        asked: Asked | None,
        status: int,
        headers: Mapping[str, str],
        url: str = "",
    ) -> None:
        """``headers``: of the answer, names in lower case. ``url``: of the request."""
        self._route = route
        self._asked_free = bool(asked and asked.free)
        self._free = route.free
        self._notes: list[str] = []
        self._dead = False
        answer = Answer(dialect=route.dialect, status=status, headers=headers, url=url)
        self._format = None if self._free else meter_for(route.format, answer)
        self._decoder = decoder(headers.get("content-encoding", ""))
        self._framer = framer_for(ROWS.get(route.format or "") or headers.get("content-type", ""))

    @property
    def complete(self) -> bool:
        """Tell whether the format said that the answer is whole."""
        return self._format is not None and not self._dead and self._format.complete

    def listen(self, hear: Callable[[str, int], None]) -> bool:
        """Have the answer's text heard, with its choice, from the first byte on.

        ``False`` where the format reads no text.
        """
        seen = getattr(self._format, "seen", None)
        if not isinstance(seen, Seen):
            return False
        seen.reply = HeardReply(hear)
        return True

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body as they came over the wire."""
        if self._format is None or self._dead or not chunk:
            return
        try:
            self._frame(self._decoder.feed(chunk))
        except Exception as surprise:  # noqa: BLE001 - a fault of the meter must not reach the stream
            self._die(surprise)

    def close(self) -> None:
        """Hear that no more bytes come."""
        if self._format is None or self._dead:
            return
        try:
            self._frame(self._decoder.close())
            events = self._framer.close()
            whole = len(events) == 1 and getattr(self._framer, "whole", False)
            for event in events:
                self._format.on_event(event, whole=whole)
            self._format.on_end()
        except Exception as surprise:  # noqa: BLE001 - as above
            self._die(surprise)

    def reading(self) -> Reading:
        """Return what is known by now; may be asked at any time."""
        if self._free:
            return Reading(free=True, complete=True)
        if self._format is None or self._dead:
            return Reading(notes=tuple(self._notes))
        try:
            reading = self._format.reading()
        except Exception as surprise:  # noqa: BLE001 - as above
            self._die(surprise)
            return Reading(notes=tuple(self._notes))
        losses = [loss for loss in (self._decoder.broken, self._framer.broken) if loss]
        free = reading.free or (self._asked_free and reading.usage is None)
        if free == reading.free and not losses:
            return reading
        return replace(reading, free=free, notes=(*reading.notes, *losses))

    def _frame(self, body: bytes) -> None:
        if self._format is not None and body:
            for event in self._framer.feed(body):
                self._format.on_event(event)

    def _die(self, surprise: Exception) -> None:
        """Turn blind; the surprise's text may quote the body, its type does not."""
        self._dead = True
        self._notes.append(f"the meter gave up: {type(surprise).__name__}")
