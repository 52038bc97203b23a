r"""Paragraphs that are known: of the prompts that agents bring themselves, by their hashes.

A prompt embeds the folder, the date, the state of a repository, so it is never the same as a
whole; most of its paragraphs are. A paragraph is what stands between blank lines of one string.
Known ones are written over with blanks before a text is screened: what is left keeps its place,
paragraphs keep their ends (which no pattern's gap passes), and whatever somebody put beside, in
front of or behind a known paragraph is read as ever.

Only ASCII's white space is evened out. Letter case, lookalikes
and invisible characters are not: a paragraph with a hidden message in it is another paragraph.
Nothing varies within one, so a path or a date in it cannot carry words of anybody's own.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice, pairwise
from typing import Final

from leash_addon.core.part import Part

DIGITS: Final = 32
LEAST, MOST = 24, 16_384
"""Characters of a paragraph that is looked up; shorter and longer ones are always screened."""

MANY: Final = 1_024
"""Paragraphs of one text that are looked up, so that no text makes us hash for long."""

WHITE: Final = " \t\r\n\v\f"
GAP: Final = re.compile(r"\n[ \t\r]*+\n[ \t\r\n]*+")


@dataclass(frozen=True, slots=True)
class KnownPrompts:
    """Hashes of paragraphs, by the parts that their agents put them into."""

    hashes: Mapping[Part, frozenset[str]] = field(default_factory=dict)

    def rest(self, text: str, part: Part, starts: Iterable[int] = (0,)) -> str:
        """Return a text of the same length with blanks for what is known.

        ``starts``: where the strings begin that it was joined of; no paragraph goes beyond one.
        """
        known = self.hashes.get(part)
        if not known:
            return text
        kept: list[str] = []
        done = 0
        for start, end in islice(paragraphs(text, starts), MANY):
            if LEAST <= end - start <= MOST and paragraph_hash(text[start:end]) in known:
                kept += (text[done:start], " " * (end - start))
                done = end
        return "".join((*kept, text[done:])) if kept else text


NO_PROMPTS: Final = KnownPrompts()


def paragraphs(text: str, starts: Iterable[int] = (0,)) -> Iterator[tuple[int, int]]:
    """Yield where each paragraph of a text of one or several strings begins and ends."""
    for first, last in pairwise((*starts, len(text))):
        at = first
        for gap in GAP.finditer(text, first, last):
            yield from _filled(text, at, gap.start())
            at = gap.end()
        yield from _filled(text, at, last)


def _filled(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a span without the white space around it, if anything is left."""
    inner = text[start:end]
    begin = start + len(inner) - len(inner.lstrip(WHITE))
    finish = start + len(inner.rstrip(WHITE))
    if begin < finish:
        yield begin, finish


def paragraph_hash(paragraph: str) -> str:
    """Return SHA-256 of a paragraph with one space for each run of white space: 32 digits of it."""
    even = b" ".join(paragraph.encode("utf-8", "replace").split())
    return sha256(even).hexdigest()[:DIGITS]


def hashes(text: str, starts: Iterable[int] = (0,)) -> Iterator[str]:
    """Yield the hashes of the paragraphs of a text that can be looked up."""
    for start, end in paragraphs(text, starts):
        if LEAST <= end - start <= MOST:
            yield paragraph_hash(text[start:end])
