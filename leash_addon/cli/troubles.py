"""Keeps what would be logged while a command runs: its terminal belongs to the command alone."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

MOST = 5
"""Different errors that are told at the end."""

OURS = "leash_addon"


class Troubles(logging.Handler):
    """A handler that prints nothing and remembers the errors of leash itself."""

    def __init__(self) -> None:
        """Begin without any."""
        super().__init__(logging.ERROR)
        self._seen: dict[str, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Count an error by its message."""
        if record.name.partition(".")[0] == OURS:
            message = record.getMessage()
            if message in self._seen or len(self._seen) < MOST:
                self._seen[message] = self._seen.get(message, 0) + 1

    def lines(self) -> list[str]:
        """Tell each error once, with how often it came."""
        return [
            f"error: {message}" + (f" ({number} times)" if number > 1 else "")
            for message, number in self._seen.items()
        ]


@contextmanager
def quiet() -> Iterator[Troubles]:
    """Log nothing while inside; yield what keeps the errors."""
    troubles, root = Troubles(), logging.getLogger()
    root.addHandler(troubles)
    try:
        yield troubles
    finally:
        root.removeHandler(troubles)
