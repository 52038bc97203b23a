"""Letters of other scripts that look like ASCII ones, folded only where a word mixes scripts.

The table is Unicode's confusables.txt as confusable-homoglyphs ships it
(https://www.unicode.org/reports/tr39/, https://pypi.org/project/confusable-homoglyphs/).
Folding every lookalike would ruin Russian or Greek; so a letter is folded where its word also has
Latin letters or a third script, and a whole word of lookalikes only where no word of the window is
genuine: one that has a letter that looks like no ASCII one.
"""

import re
import string
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import re2
from confusable_homoglyphs.confusables import confusables_data

from leash_addon.screen.spacing import ASCII, LONE

WORD: Final = re.compile(r"([^\W\d_]+)")
MIXED: Final = re2.compile(r"[A-Za-z][^\x00-\x7f]|[^\x00-\x7f][A-Za-z]")
LETTERS: Final = frozenset(string.ascii_letters)
LIMIT: Final = 20_000
LATIN: Final = "LATIN"
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
        if len(self) >= LIMIT:
            self.clear()
        self[char] = found = script(char)
        return found


class Confusables:
    """The table, and the one question whether a text has any letter of it."""

    def __init__(self) -> None:
        """Read the table."""
        self.table = lookalikes()
        self._likes = frozenset(map(chr, self.table))
        self._foreign = frozenset(char for char in self._likes if script(char) != LATIN)
        self._scripts = Scripts()
        options = re2.Options()
        options.never_capture = True
        letters = "".join(rf"\x{{{code:x}}}" for code in self.table)
        self._letters = re2.compile(f"[{letters}]", options)

    def fold(self, text: str) -> str:
        """Fold the lookalikes of mixed words; the length stays the same."""
        raw = text.encode(errors=LONE)
        if text.isascii() or not self._letters.search(raw) or self._is_plain(raw):
            return text
        parts = WORD.split(text)
        words = {word for word in set(parts[1::2]) if not word.isascii()}
        likely = [word for word in words if not self._likes.isdisjoint(word)]
        masks = [word for word in likely if self._is_mixed(word)]
        masks += self._masks(set(likely).difference(masks), words)
        if len(masks) == len(likely):
            return self._all_folded(text, masks)
        if masks:
            shown = {word: word.translate(self.table) for word in masks}
            parts[1::2] = map(shown.get, parts[1::2], parts[1::2])
        return "".join(parts)

    def _is_plain(self, raw: bytes) -> bool:
        """Tell of most text in another script that no word of it can be a mask.

        Its letters are of one script, one looks like no ASCII letter, and none is beside one.
        """
        if MIXED.search(raw):
            return False
        letters: set[str] = set()
        scripts: set[str] = set()
        for char in set(raw.translate(None, ASCII).decode(errors=LONE)):
            if WORD.match(char):
                letters.add(char)
                scripts.add(self._scripts[char])
                if len(scripts) > 1:
                    return False
        return not self._likes.issuperset(letters)

    def _is_mixed(self, word: str) -> bool:
        """Tell quickly of most masks that they are: an ASCII letter beside a foreign lookalike."""
        return not (self._foreign.isdisjoint(word) or LETTERS.isdisjoint(word))

    def _all_folded(self, text: str, masks: Iterable[str]) -> str:
        for char in self._likes.intersection("".join(masks)):
            text = text.replace(char, self.table[ord(char)])
        return text

    def _masks(self, likely: Iterable[str], words: Iterable[str]) -> Iterator[str]:
        """Yield those of the likely words that are written to look like others."""
        genuine: dict[str, bool] = {}
        for word in likely:
            scripts = self._written(word)
            if not scripts.isdisjoint(UNMIXABLE):
                if LATIN in scripts:
                    yield word
            elif len(scripts) > 1:
                yield word
            elif self._likes.issuperset(word):
                (script,) = scripts
                if script not in genuine:
                    genuine[script] = any(self._is_genuine(each, script) for each in words)
                if not genuine[script]:
                    yield word

    def _is_genuine(self, word: str, script: str) -> bool:
        """Tell whether a word is of one script and has a letter like no ASCII one."""
        if self._scripts[word[0]] != script or self._likes.issuperset(word):
            return False
        return len(self._written(word)) == 1

    def _written(self, word: str) -> frozenset[str]:
        """Return the scripts of a word."""
        return frozenset(map(self._scripts.__getitem__, word))


def _is_letter(text: str) -> bool:
    return len(text) == 1 and text.isascii() and text.isalpha()
