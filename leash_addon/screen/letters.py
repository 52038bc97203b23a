"""What one character stands for, by Unicode's own data: its name, category and decomposition.

Characters that nobody sees stand for nothing; accents are dropped from Latin, Greek, Cyrillic,
Arabic and Hebrew letters; letters drawn in another way (small capitals, turned, negative squared)
stand for the plain letter. Marks that make another letter (Devanagari vowels, kana voicing, Hangul)
stay. Case stays too: lookalikes are told by case (``confusables``).

https://www.unicode.org/reports/tr44/ (2025-08-27)
"""

import re
import unicodedata
from types import MappingProxyType
from typing import Final

LIMIT: Final = 60_000
"""Characters remembered, after which all are forgotten: text of all there are stays quick."""

WIDEST: Final = 6
"""Characters that one may stand for; U+FDFA would stand for 18, and help to flood."""

MARKS: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed]"
)
UNSEEN: Final = re.compile(
    "[\u034f\u0640\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\ufe00-\ufe0f\u2065"
    "\ufff0-\ufff8\U000e0000-\U000e0fff]"
)
DRAWN: Final = re.compile(
    r"(?:NEGATIVE (?:SQUARED|CIRCLED) |SQUARED |CROSSED NEGATIVE SQUARED |PARENTHESIZED )?"
    r"(?:LATIN |REGIONAL INDICATOR SYMBOL )(?:CAPITAL |SMALL )?(?:LETTER |LIGATURE )"
    r"(?:SMALL CAPITAL |DOTLESS |TURNED |REVERSED |SCRIPT |OPEN |INVERTED |SIDEWAYS |BLACKLETTER )*"
    r"([A-Z]|AE|OE)(?: WITH .*)?"
)
LATIN: Final = re.compile(
    "[\u00c0-\u02af\u1d00-\u1dbf\u1e00-\u1eff\u2184\u249c-\u24b5\u2c60-\u2c7f\ua720-\ua7ff"
    "\uab30-\uab6f\U0001df00-\U0001df2f\U0001f110-\U0001f1ff]"
)
"""All that ``DRAWN`` can match; to look a name up is slow."""
BY_CATEGORY: Final = MappingProxyType(
    {"Cf": "", "Cs": "\ufffd", "Zl": "\n", "Zp": "\n", "Zs": " ", "Pd": "-"}
)
ODD: Final = MappingProxyType({"\u2800": " ", "\u00df": "ss", "\u1e9e": "SS"})
"""A blank that is drawn in Braille, and the letter that is two."""


class Letters(dict[int, int | str]):
    """A table for ``str.translate`` that works itself out, at most ``LIMIT`` characters of it.

    A character that stands for itself is there as a number, which takes half the room.
    """

    def __missing__(self, code: int) -> int | str:
        """Work out one character."""
        char = chr(code)
        stands_for = plain(char)
        if len(self) >= LIMIT:
            self.clear()
        self[code] = found = code if stands_for == char else stands_for
        return found

    def plain(self, char: str) -> str:
        """Return what one character stands for."""
        found = self[ord(char)]
        return found if isinstance(found, str) else char


def plain(char: str) -> str:
    """Return what a character stands for: nothing, a space, or one or a few characters.

    Each of those stands for itself, so that the order in which a text is folded does not matter.
    """
    found = _stood(char)
    return found if found == char else "".join(map(plain, found))


def _stood(char: str) -> str:
    if UNSEEN.match(char):
        return ""
    if char.isascii() or _is_whole(char):
        return char
    if MARKS.match(char):
        return ""
    if LATIN.match(char) and (drawn := DRAWN.fullmatch(unicodedata.name(char, ""))):
        return drawn[1].lower() if char.islower() else drawn[1]
    if not unicodedata.decomposition(char):
        return _one(char)
    return "".join(map(_one, _bare(char)))


def _bare(char: str) -> str:
    """Take a character apart and leave out its marks."""
    whole = unicodedata.normalize("NFKC", char)
    whole = whole if len(whole) <= WIDEST else char
    return unicodedata.normalize("NFC", MARKS.sub("", unicodedata.normalize("NFD", whole)))


def _is_whole(char: str) -> bool:
    """Tell whether a letter of a script without case, or no letter, is made of nothing else."""
    return unicodedata.category(char) in {"Lo", "Cn", "Co"} and not unicodedata.decomposition(char)


def _one(char: str) -> str:
    if char.isascii():
        return char
    category = unicodedata.category(char)
    match category:
        case "Nd":
            return str(unicodedata.decimal(char))
        case "Pi" | "Pf":
            return '"' if "DOUBLE" in unicodedata.name(char) else "'"
        case "Cc":
            return "\n" if char == "\x85" else ""
        case _:
            return ODD.get(char) or BY_CATEGORY.get(category, char)
