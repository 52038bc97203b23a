"""How much of what is due goes into one transaction on an event loop.

Everything else that the loop serves waits while a transaction runs on it, so a burst of calls is
written in several, with a turn of the loop between them.
"""

SPAN = 0.003
"""Seconds of the loop that a transaction should take."""

MOST = 64
LEAST = 8
"""Admissions and settlements in one transaction: fewer, and most of it would be the commit."""

_WEIGHT = 0.2
"""Of the newest transaction in what one is taken to last."""


class Pace:
    """Learns how long a call takes here; ``room`` is how many fit into the span.

    It is told the time that the thread ran, not what a clock on the wall says: on a machine that is
    busy with something else, smaller transactions would only make it busier.
    """

    __slots__ = ("_each",)

    def __init__(self) -> None:
        """Begin with a guess, of a slow machine."""
        self._each = SPAN / 10

    @property
    def room(self) -> int:
        """Return how many admissions and settlements the next transaction may have."""
        return max(LEAST, min(MOST, int(SPAN / self._each)))

    def took(self, count: int, seconds: float) -> None:
        """Note a transaction of so many and its seconds; a single one counts for little."""
        if count:
            each = min(seconds / count, SPAN)
            self._each += (each - self._each) * _WEIGHT
