"""The form that rules read: one way to write each word, and the way back to the text as given.

Steps: every character to what it stands for (``letters``), composed again; lookalikes in words of
mixed script (``confusables``); lower case; white space (``spacing``). Text that is all ASCII
needs only the last two.

The way back needs no table. No step reorders, and none after ``letters`` changes how many
characters are not white space; so the n-th of them in the folded text comes from the n-th in the
text as given, and halving finds it.
"""

import unicodedata
from typing import Final

from leash_addon.screen.confusables import Confusables
from leash_addon.screen.letters import Letters
from leash_addon.screen.spacing import LOWERED, seen, spaced, telling

NEAR: Final = 4
"""How much further than in the folded text the end of a match is looked for at first."""
FEW: Final = 32
"""Characters other than ASCII up to which replacing them in turn is the fastest way."""
SAMPLE: Final = 64
VARIED: Final = 16
"""So many kinds in the first characters: there are more than a few in all."""


class Folding:
    """Folds texts and finds the way back. Keeps what it learnt of characters."""

    def __init__(self) -> None:
        """Build the tables, some milliseconds' work."""
        self._letters = Letters()
        self._confusables = Confusables()

    def fold(self, text: str) -> str:
        """Return the form that rules read."""
        stood = self.stand(text)
        if stood.isascii():
            return spaced(stood, LOWERED)
        return spaced(self._confusables.fold(stood).lower())

    def stand(self, text: str) -> str:
        """Return what the characters of a text stand for, cased and with its white space."""
        if text.isascii():
            return text
        foreign = telling(text)
        if len(set(foreign[:SAMPLE])) > VARIED:
            text = text.translate(self._letters)
        else:
            text = self._replaced(text, foreign)
        return unicodedata.normalize("NFC", text)

    def _replaced(self, text: str, foreign: str) -> str:
        plain = text
        for _ in range(FEW):
            if not foreign:
                return plain
            char = foreign[0]
            foreign = foreign.replace(char, "")
            plain = plain.replace(char, self._letters.plain(char))
        return text.translate(self._letters)

    def span(self, source: str, folded: str, start: int, end: int) -> tuple[int, int]:
        """Return where in ``source`` the characters ``start`` to ``end`` of ``folded`` stand."""
        before = seen(folded[:start])
        within = seen(folded[start:end])
        first = self._place(source, before)
        if not within:
            return first, min(first + 1, len(source))
        size = NEAR * within
        while (
            first + size < len(source) and seen(self.stand(source[first : first + size])) < within
        ):
            size *= NEAR
        last = first + self._place(source[first : first + size], within - 1)
        return first, min(last + 1, len(source))

    def _place(self, source: str, nth: int) -> int:
        """Return the offset of the n-th character (from 0) that is not white space."""
        low, high = 0, len(source)
        while high - low > 1:
            middle = (low + high) // 2
            width = seen(self.stand(source[low:middle]))
            if width > nth:
                high = middle
            else:
                nth -= width
                low = middle
        return low
