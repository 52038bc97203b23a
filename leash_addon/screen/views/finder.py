"""Finds what is hidden in a text: one pass of RE2 says which views are worth a look.

Bounded: each view looks at a few stretches, all together at most ``MOST`` characters of a window
are decoded, and what was decoded is looked into once more.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import re2

from leash_addon.screen.views import escapes, numbered, runs, spelled, unseen
from leash_addon.screen.views.hidden import Hidden

type Reader = Callable[[str], Iterator[Hidden]]

MOST: Final = 32_768
"""Characters that are decoded of one window."""
DEPTH: Final = 2
"""How often what was decoded is decoded again, the first time included."""


READERS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        runs.RUN: runs.runs,
        runs.OPEN85: runs.ascii85,
        f"{escapes.URL}|{escapes.PLUS}": escapes.url,
        escapes.HTML: escapes.entities,
        numbered.ESCAPE: escapes.escapes,
        f"{escapes.PAIRS}|{escapes.BITS}": escapes.numbers,
        spelled.LETTERS: spelled.spelled,
        unseen.TAG: unseen.tags,
        unseen.SELECTORS: unseen.selectors,
        unseen.BETWEEN: unseen.between,
        unseen.BITS: unseen.bits,
    }
)
"""Trigger -> reader: a text in which the trigger matches may hide something.

A trigger has no wide gaps: RE2 keeps a state for whatever it saw last, and builds it when it comes.
"""


class Finder:
    """The triggers, compiled once."""

    def __init__(self) -> None:
        """Compile."""
        options = re2.Options()
        options.log_errors = False
        options.never_capture = True
        self._set = re2.Set.SearchSet(options)
        for trigger in READERS:
            self._set.Add(trigger)
        self._set.Compile()
        self._readers = tuple(READERS.values())

    def hidden(self, text: str, depth: int = DEPTH) -> Iterator[Hidden]:
        """Yield what is hidden in a text and, within that, what is hidden again."""
        left = MOST
        for found in self._once(text):
            left -= len(found.text)
            if left < 0:
                return
            yield found
            if depth > 1:
                for inner in self.hidden(found.text, depth - 1):
                    left -= len(inner.text)
                    if left < 0:
                        return
                    yield found._replace(text=inner.text)

    def _once(self, text: str) -> Iterator[Hidden]:
        raw = text.encode(errors="replace")
        for index in sorted(self._set.Match(raw) or ()):
            yield from self._readers[index](text)
