"""The whole text turned: every letter by 13 places, or back to front.

A text is turned only where a rule may match it so. What a rule needs is turned instead, when the
rules are compiled, and looked for in the text as it is: either way of turning undoes itself.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from leash_addon.screen.narrow import narrowed
from leash_addon.screen.need import Clause, Need

LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
ROT13: Final = bytes.maketrans(LOWER.encode(), (LOWER[13:] + LOWER[:13]).encode())
PLAIN: Final = ""
REVERSED: Final = "reversed"


def _rot13(text: str) -> str:
    return text.encode().translate(ROT13).decode()


def _backwards(text: str) -> str:
    return text[::-1]


TURNS: Final[Mapping[str, Callable[[str], str]]] = MappingProxyType(
    {"rot13": _rot13, REVERSED: _backwards}
)
"""View -> how to turn a text; the characters are as many."""


class Span(NamedTuple):
    """Where something begins and ends."""

    start: int
    end: int

    def turned(self, view: str, size: int) -> "Span":
        """Return where the same is in a text of a size once it is turned, or turned back."""
        return Span(size - self.end, size - self.start) if view == REVERSED else self


class Turned:
    """One folded text in UTF-8, turned each way when first asked for."""

    def __init__(self, text: str) -> None:
        """Take a text as it is."""
        self._text = text
        self._raw = {PLAIN: text.encode()}
        self._narrow: bytes | None = None

    def raw(self, view: str = PLAIN) -> bytes:
        """Return the text turned one way, or as it is."""
        if view not in self._raw:
            self._raw[view] = TURNS[view](self._text).encode()
        return self._raw[view]

    def narrow(self, view: str = PLAIN) -> bytes:
        """Return the text turned one way, or as it is, with one byte for each character."""
        if self._narrow is None:
            self._narrow = narrowed(self._text)
        if view == PLAIN:
            return self._narrow
        return self._narrow[::-1] if view == REVERSED else self._narrow.translate(ROT13)


def turned(need: Need, view: str) -> Need:
    """Return what a pattern needs of a text that has it turned."""
    if view == PLAIN:
        return need
    found = tuple(_clause(each, view) for each in need.clauses)
    return need._replace(clauses=found[::-1] if view == REVERSED else found)


def _clause(clause: Clause, view: str) -> Clause:
    strings = frozenset(map(TURNS[view], clause.strings))
    if view != REVERSED:
        return clause._replace(strings=strings)
    return Clause(strings, clause.after, clause.before + max(map(len, strings)))
