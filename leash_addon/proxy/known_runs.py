"""The runs that a proxy has met, but not more than fit: inventing run ids fills no memory."""

from collections import OrderedDict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet


class KnownRuns:
    """Runs in the order of their last use. ``most``: so many are kept; ``total``: met ever."""

    def __init__(self, most: int, fixed: str | None = None) -> None:
        """Know nobody, or the one fixed run."""
        self._most = most
        self._last_used: OrderedDict[str, None] = OrderedDict()
        self._to_meet: set[str] = set()
        self.total = 0
        if fixed is not None:
            self.add(fixed)

    def __iter__(self) -> Iterator[str]:
        """Name the runs that are kept, the one unused the longest first."""
        return iter(self._last_used)

    def __len__(self) -> int:
        """Count them."""
        return len(self._last_used)

    def use(self, run: str) -> bool:
        """Tell whether a run is known; if so, it is the one used last."""
        if run not in self._last_used or run in self._to_meet:
            return False
        self._last_used.move_to_end(run)
        return True

    def meet_again(self) -> None:
        """Know every run by name only, until it is added anew."""
        self._to_meet = set(self._last_used)

    def add(self, run: str) -> None:
        """Know a run."""
        self.total += run not in self._last_used
        self._last_used[run] = None
        self._last_used.move_to_end(run)
        self._to_meet.discard(run)

    @property
    def is_full(self) -> bool:
        """Tell whether there are more than are kept."""
        return len(self._last_used) > self._most

    def surplus(self, busy: AbstractSet[str]) -> str | None:
        """Forget one run, if there are too many, and return it; ``busy`` and the last are kept."""
        if not self.is_full:
            return None
        last = next(reversed(self._last_used))
        found = next((run for run in self._last_used if run not in busy and run != last), None)
        if found is not None:
            del self._last_used[found]
            self._to_meet.discard(found)
        return found
