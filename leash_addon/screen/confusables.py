"""Letters of other scripts that look like ASCII ones, folded only where a word mixes scripts.

The table is Unicode's confusables.txt as confusable-homoglyphs ships it
(https://www.unicode.org/reports/tr39/, https://pypi.org/project/confusable-homoglyphs/).
Folding every lookalike would ruin Russian or Greek; so a letter is folded where its word also has
Latin letters or a third script, and a whole word of lookalikes only where no word of the window is
genuine: one that has a letter that looks like no ASCII one.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

import re2
from confusable_homoglyphs.confusables import confusables_data

from leash_addon.screen.spacing import LONE

WORD: Final = re.compile(r"([^\W\d_]+)")
LIMIT: Final = 20_000
UNMIXABLE: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC"})
"""Scripts that are written beside Latin letters without a space."""


def lookalikes() -> Mapping[int, str]:
    """Return code point -> the one ASCII letter, in lower case, that a letter looks like."""
    found: dict[int, str] = {}
    for char, likes in confusables_data.items():
        if len(char) != 1 or char.isascii() or not char.isalpha():
            continue
        if script(char) in UNMIXABLE:
            continue
        ascii_ones = [like["c"] for like in likes if _is_letter(like["c"])]
        if not ascii_ones:
            ascii_ones = [
                further["c"]
                for like in likes
                for further in confusables_data.get(like["c"], ())
                if _is_letter(further["c"])
            ]
        if ascii_ones:
            found[ord(char)] = ascii_ones[0].lower()
    return found


def script(char: str) -> str:
    """Name the script of a letter by the first word of its name."""
    return unicodedata.name(char, "").partition(" ")[0]


class Scripts(dict[str, str]):
    """Letter -> the script of it, worked out when first asked for; at most ``LIMIT`` are kept."""

    def __missing__(self, char: str) -> str:
        """Work out one letter."""
        found = script(char)
        if len(self) < LIMIT:
            self[char] = found
        return found


class Confusables:
    """The table, and the one question whether a text has any letter of it."""

    def __init__(self) -> None:
        """Read the table."""
        self.table = lookalikes()
        self._scripts = Scripts()
        options = re2.Options()
        options.never_capture = True
        letters = "".join(rf"\x{{{code:x}}}" for code in self.table)
        self._letters = re2.compile(f"[{letters}]", options)

    def fold(self, text: str) -> str:
        """Fold the lookalikes of mixed words; the length stays the same."""
        if text.isascii() or not self._letters.search(text.encode(errors=LONE)):
            return text
        parts = WORD.split(text)
        words = {word for word in set(parts[1::2]) if not word.isascii()}
        scripts = {word: frozenset(map(self._scripts.__getitem__, word)) for word in words}
        genuine = {min(each) for word, each in scripts.items() if self._is_genuine(word, each)}
        shown = {
            word: word.translate(self.table)
            for word, each in scripts.items()
            if self._is_mask(word, each, genuine)
        }
        parts[1::2] = map(shown.get, parts[1::2], parts[1::2])
        return "".join(parts)

    def _is_genuine(self, word: str, scripts: frozenset[str]) -> bool:
        """Tell whether a word has one script and a letter like no ASCII one."""
        return len(scripts) == 1 and any(ord(char) not in self.table for char in word)

    def _is_mask(self, word: str, scripts: frozenset[str], genuine: set[str]) -> bool:
        if scripts & UNMIXABLE:
            return any(ord(char) in self.table for char in word) and "LATIN" in scripts
        if len(scripts) > 1:
            return True
        return not scripts & genuine and all(ord(char) in self.table for char in word)


def _is_letter(text: str) -> bool:
    return len(text) == 1 and text.isascii() and text.isalpha()
