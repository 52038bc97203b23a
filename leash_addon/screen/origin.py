"""The way back from a folded text to the text as given.

No step of folding reorders, and none changes how many characters are not white space
(``folding``); so the n-th of them in the folded text comes from the n-th in the text as given.
They are counted once, step by step, and halving finds one within a step.
"""

from bisect import bisect_right
from functools import cached_property
from itertools import accumulate
from typing import Final

from leash_addon.screen.folding import Folding
from leash_addon.screen.spacing import seen

STEP: Final = 256
"""Characters between two counts."""


class Origin:
    """One text and its folded form. Counts when first asked."""

    def __init__(self, source: str, folded: str, folding: Folding) -> None:
        """Take both forms."""
        self._source, self._folded = source, folded
        self._folding = folding

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the source the characters ``start`` to ``end`` of the folded stand."""
        before, until = self._seen(start), self._seen(end)
        first = self._place(before)
        if until == before:
            return first, min(first + 1, len(self._source))
        return first, min(self._place(until - 1) + 1, len(self._source))

    def _seen(self, end: int) -> int:
        """Count what is not white space before a character of the folded text."""
        step = end // STEP
        return self._read[step] + seen(self._folded[step * STEP : end])

    def _place(self, nth: int) -> int:
        """Return the offset in the source of the n-th (from 0) that is not white space."""
        step = min(bisect_right(self._given, nth), len(self._given) - 1) - 1
        low, high = max(step, 0) * STEP, min((step + 1) * STEP, len(self._source))
        nth -= self._given[max(step, 0)]
        while high - low > 1:
            middle = (low + high) // 2
            width = self._width(low, middle)
            if width > nth:
                high = middle
            else:
                nth -= width
                low = middle
        return low

    @cached_property
    def _read(self) -> list[int]:
        steps = range(0, len(self._folded), STEP)
        return [0, *accumulate(seen(self._folded[at : at + STEP]) for at in steps)]

    @cached_property
    def _given(self) -> list[int]:
        steps = range(0, len(self._source), STEP)
        return [0, *accumulate(self._width(at, at + STEP) for at in steps)]

    def _width(self, start: int, end: int) -> int:
        return seen(self._folding.stand(self._source[start:end]))
