"""The way back from a folded text to the text as given.

No step of folding reorders, and none changes how many characters are not white space
(``folding``); so the n-th of them in the folded text comes from the n-th in the text as given.
Whole windows are counted by their folded text, and halving finds the character within one.

Characters that Unicode composes into one (a kana and its voicing, the parts of a Hangul syllable)
are never cut apart: each of two halves would count for itself.
"""

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Final

from leash_addon.screen.folding import Folding
from leash_addon.screen.spacing import seen
from leash_addon.screen.stretch import Stretch

STEP: Final = 256
"""Characters between two counts."""
JAMO: Final = frozenset(map(chr, (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))))
"""Vowels and last consonants of Hangul, the only letters that compose with what stands before
(https://www.unicode.org/versions/Unicode16.0.0/core-spec/chapter-3/, 3.12, 2026-11-22)."""


class Origin:
    """One stretch of a text. Counts when first asked."""

    def __init__(self, text: str, stretch: Stretch, folding: Folding) -> None:
        """Take the whole text, and what of it is being read."""
        self._text, self._stretch = text, stretch
        self._folding = folding
        self._found: dict[int, Source] = {}

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the text the characters ``start`` to ``end`` of what is read stand."""
        before, until = self._seen(start), self._seen(end)
        first = self._place(before)
        last = self._place(until - 1) if until > before else first
        return first, min(last + 1, len(self._text))

    def _seen(self, end: int) -> int:
        """Count what is not white space before a character that is read."""
        step = end // STEP
        read = self._stretch.read
        skipped = self._given[-1] - self._read[-1]
        return skipped + self._read[step] + seen(read[step * STEP : end])

    def _place(self, nth: int) -> int:
        """Return the offset in the text of the n-th (from 0) that is not white space."""
        if not self._stretch.pieces:
            return 0
        at = min(bisect_right(self._given, nth), len(self._given) - 1) - 1
        start, end, _ = self._stretch.pieces[at]
        if at not in self._found:
            self._found[at] = Source(self._text[start:end], self._folding)
        return start + self._found[at].place(nth - self._given[at])

    @cached_property
    def _read(self) -> list[int]:
        read = self._stretch.read
        steps = range(0, len(read), STEP)
        return [0, *accumulate(seen(read[at : at + STEP]) for at in steps)]

    @cached_property
    def _given(self) -> list[int]:
        return [0, *accumulate(seen(each.folded) for each in self._stretch.pieces)]


class Source:
    """A window of the text as given."""

    def __init__(self, text: str, folding: Folding) -> None:
        """Take the window."""
        self._text, self._folding = text, folding
        self._cuts: Sequence[int] = cuts(text, folding)
        steps = range(0, len(self._cuts) - 1, STEP)
        self._ends = [*steps, len(self._cuts) - 1]
        widths = (self._width(first, last) for first, last in pairwise(self._ends))
        self._counts = [0, *accumulate(widths)]

    def place(self, nth: int) -> int:
        """Return the offset of the n-th character (from 0) that is not white space."""
        step = max(min(bisect_right(self._counts, nth), len(self._counts) - 1) - 1, 0)
        low, high = self._ends[step : step + 2]
        nth -= self._counts[step]
        while high - low > 1:
            middle = (low + high) // 2
            width = self._width(low, middle)
            if width > nth:
                high = middle
            else:
                nth -= width
                low = middle
        found: int = min(self._cuts[low] + nth, self._cuts[high] - 1)
        return found

    def _width(self, first: int, last: int) -> int:
        """Count what is not white space from one cut to another."""
        return seen(self._folding.stand(self._text[self._cuts[first] : self._cuts[last]]))


def cuts(text: str, folding: Folding) -> Sequence[int]:
    """Return where a text may be cut and folds as the whole does, its two ends with it."""
    joining = {char for char in set(text) if _joins(folding.stand(char))}
    if not joining:
        return range(len(text) + 1)
    found = [at for at, char in enumerate(text) if at and char not in joining]
    return [0, *found, len(text)]


def _joins(plain: str) -> bool:
    """Tell whether a character, by what it stands for, may become one with those before it."""
    return not plain or plain[0] in JAMO or unicodedata.category(plain[0]).startswith("M")
