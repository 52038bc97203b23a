"""One call, from the moment its hold is in the ledger until it is settled."""

from collections.abc import Callable
from dataclasses import dataclass, field

from leash_addon.core.ask import Ask
from leash_addon.core.loops import Looking, Turn, turn_of
from leash_addon.core.money import Instant, Pico
from leash_addon.core.reading import Reading
from leash_addon.core.screening import Found
from leash_addon.ledger import Settlement
from leash_addon.wire.meter import Meter
from leash_addon.wire.routes import Route


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One admitted call. ``settled``: what it was booked at; ``note``: why its meter is lost.

    ``hold``: what it is booked at when nobody reports. ``max_output``: the limit on output tokens
    that its request must be lowered to before it goes; ``None``: it may go as it is.
    ``first_hand``: its answer is made for it, and not fetched from those of earlier calls.
    ``received``: bytes of its answer. ``plan``: the subscription's own limits, as it tells them.
    ``read``: tells the reading where no meter of its own does. ``cut``: the reason for which leash
    ended its answer. ``tools``: its request declares some.
    """

    ask: Ask
    route: Route
    hold: Pico
    opened_at: Instant
    max_output: int | None = None
    meter: Meter | None = None
    status: int | None = None
    first_byte_at: Instant | None = None
    settled: Settlement | None = None
    note: str = ""
    first_hand: bool = True
    received: int = 0
    plan: dict[str, str] = field(default_factory=dict)
    read: Callable[[], Reading] | None = None
    cut: str = ""
    tools: bool = False

    def turn(self, reading: Reading, looking: Looking) -> Turn | None:
        """Return the tool calls of the answer as a loop would have them.

        An answer without any ends a loop only where there were tools to call: agents make side
        calls (titles, routing) between their turns.
        """
        return turn_of(reading.tools, looking) if reading.tools or self.tools else None

    heard: Callable[[], tuple[Found, ...]] | None = None

    def reading(self) -> Reading:
        """Return what the meter knows by now."""
        if self.read is not None:
            return self.read()
        if self.note or self.meter is None:
            return Reading(notes=(self.note,) if self.note else ())
        return self.meter.reading()

    def go_blind(self, note: str) -> None:
        """Give the meter up; the call will be unpriced."""
        self.meter, self.note = None, note
