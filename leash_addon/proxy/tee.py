"""The stream callable of a metered answer: bytes go on, a copy is read.

mitmproxy calls it with each piece of the body as it comes over the wire and once with ``b""`` at
the end. It never raises (that would hang the client) and never returns ``b""`` for a piece (that
would end a chunked reply): a piece that is held back is ``[]``.
"""

import asyncio
import logging
from collections.abc import Callable

from leash_addon.proxy.governor import Call
from leash_addon.wire.ends import Ends
from leash_addon.wire.swallow import DecodedSwallow, UsageSwallow

logger = logging.getLogger(__name__)

type Pieces = bytes | list[bytes]


class Tee:
    """Passes one answer on and feeds its meter.

    ``on_byte`` is called before the first piece is read, ``on_whole`` as soon as the format says
    that the answer is whole, or at its end. ``swallow`` takes out the usage event that we caused.
    """

    def __init__(
        self,
        call: Call,
        *,
        on_byte: Callable[[], None],
        on_whole: Callable[[], None],
        swallow: UsageSwallow | DecodedSwallow | None = None,
        ends: Ends | None = None,
    ) -> None:
        """Stand between provider and client for one call. ``ends``: of what the client gets."""
        self._call = call
        self._on_byte: Callable[[], None] | None = on_byte
        self._on_whole = on_whole
        self._swallow = swallow
        self._ends = ends
        self._ending = False
        self._words: bytes | None = None
        self.ended = asyncio.Event()

    def end_with(self, words: bytes | None) -> None:
        """Pass nothing more, but at the next end of an event these words; then ``ended`` is set."""
        self._ending, self._words = True, words if self._ends is not None else None

    def __call__(self, piece: bytes) -> Pieces:
        """Return what goes to the client now."""
        was_ending = self._ending
        if was_ending:
            return self._last(self._pass(piece) if piece else [])
        passed = self._pass(piece)
        try:
            self._read(piece)
        except Exception as fault:
            logger.exception("the meter of call %s failed", self._call.ask.call)
            self._call.go_blind(f"the meter failed: {type(fault).__name__}")
            if not piece:
                self._on_whole()
        if self._ending:  # for what has just been read
            return self._last(passed)
        if self._ends is not None and isinstance(passed, bytes):
            self._ends.feed(passed)
        return passed

    def _last(self, passed: Pieces) -> Pieces:
        """Finish the event that has begun, say the words, and pass nothing from then on."""
        if self.ended.is_set():
            return []
        if self._words is None or self._ends is None:
            self.ended.set()
            return []
        if self._ends.between:
            self.ended.set()
            return self._words
        if not isinstance(passed, bytes):
            return []
        end = self._ends.first(passed)
        self._ends.feed(passed)
        if end is None:
            return passed
        self.ended.set()
        return [passed[:end], self._words]

    def _read(self, piece: bytes) -> None:
        if self._on_byte is not None:
            self._on_byte()
            self._on_byte = None
        self._call.received += len(piece)
        meter = self._call.meter
        if piece and meter is not None:
            meter.feed(piece)
        elif not piece and meter is not None:
            meter.close()
        if not piece or (meter is not None and meter.complete):
            self._on_whole()

    def _pass(self, piece: bytes) -> Pieces:
        if self._swallow is None:
            return piece or []
        try:
            kept = self._swallow.feed(piece) if piece else self._swallow.close()
        except Exception:
            logger.exception("call %s passes with its usage event", self._call.ask.call)
            self._swallow = None
            return piece or []
        return kept or []
