"""The form that rules read: one way to write each word, and the way back to the text as given.

Steps: every character to what it stands for (``letters``), composed again; lookalikes in words of
mixed script (``confusables``); lower case; white space (``spacing``). Text that is all ASCII
needs only the last two. No step reorders, and none after ``letters`` changes how many characters
are not white space: ``origin`` finds the way back by that.
"""

import unicodedata
from typing import Final

from leash_addon.screen.confusables import Confusables
from leash_addon.screen.letters import Letters
from leash_addon.screen.spacing import LOWERED, spaced, telling

FEW: Final = 32
"""Characters other than ASCII up to which replacing them in turn is the fastest way."""
SAMPLE: Final = 64
VARIED: Final = 16
"""So many kinds in the first characters: there are more than a few in all."""


class Folding:
    """Folds texts. Keeps what it learnt of characters."""

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
