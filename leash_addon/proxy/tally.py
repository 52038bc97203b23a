"""Log lines about what comes in floods: counted, and told once a minute at most."""

import logging
from collections import Counter

EVERY = 60.0
"""Seconds between two tellings."""


class Tally:
    """Counts what happens. Times are seconds of the caller's clock."""

    def __init__(self, logger: logging.Logger) -> None:
        """Tell this logger."""
        self._logger = logger
        self._counts: Counter[tuple[int, str]] = Counter()
        self._told = float("-inf")

    def note(self, level: int, what: str) -> None:
        """Count something; what is told are the words and how often they were said."""
        self._counts[level, what] += 1

    def tell(self, now: float) -> None:
        """Log what was counted, unless that was done within the last minute."""
        if not self._counts or now - self._told < EVERY:
            return
        for (level, what), times in self._counts.items():
            self._logger.log(level, "%s: %d", what, times)
        self._counts.clear()
        self._told = now
