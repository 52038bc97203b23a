"""Where in a text which patterns may match, by the letters they need.

One pass of Aho and Corasick's automaton finds all strings of all clauses and their places. The
text is divided into cells; where every clause of a pattern has a string in a cell or the next, the
pattern may match there, from the cell before on. Neighbouring cells make one stretch.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from ahocorasick_rs import BytesAhoCorasick

from leash_addon.screen.literals import Clause

CELL: Final = 320
"""Bytes of a cell: no match that is longer is sure to be found."""
CROWD: Final = 192
"""Patterns that are tried in one text at most, the first ones."""


class Likely(NamedTuple):
    """A pattern, by its index, and the stretch of bytes in which it may match."""

    pattern: int
    start: int
    end: int


class Prefilter:
    """The automaton of the clauses of many patterns. Compiled once.

    Sets of clauses are whole numbers, one bit a clause: a union is one step.
    """

    def __init__(self, patterns: Sequence[Sequence[Clause]]) -> None:
        """Take each pattern's clauses; every pattern has at least one."""
        satisfied: dict[str, int] = {}
        self._needed: list[int] = []
        bits: dict[Clause, int] = {}
        for clauses in patterns:
            needed = 0
            for clause in clauses:
                bit = bits.setdefault(clause, 1 << len(bits))
                needed |= bit
                for text in clause:
                    satisfied[text] = satisfied.get(text, 0) | bit
            self._needed.append(needed)
        self._satisfied = list(satisfied.values())
        self._automaton = (
            BytesAhoCorasick([text.encode() for text in satisfied]) if satisfied else None
        )

    def likely(self, raw: bytes) -> Iterator[Likely]:
        """Yield the stretches worth a try, patterns in their order."""
        if self._automaton is None:
            return
        hits = self._automaton.find_matches_as_indexes(raw, overlapping=True)
        there = {index for index, _, _ in hits}
        found = self._union(there)
        whole = [n for n, each in enumerate(self._needed) if each & found == each][:CROWD]
        if not whole:
            return
        wanted = 0
        for pattern in whole:
            wanted |= self._needed[pattern]
        telling = {n: bits for n in there if (bits := self._satisfied[n] & wanted)}
        cells = _by_cell(hits, telling, len(raw) // CELL + 2)
        for pattern in whole:
            needed = self._needed[pattern]
            for first, last in _runs([needed & cell == needed for cell in cells]):
                yield Likely(pattern, max(0, first - 1) * CELL, min((last + 2) * CELL, len(raw)))

    def _union(self, indexes: set[int]) -> int:
        found = 0
        for index in indexes:
            found |= self._satisfied[index]
        return found


def _by_cell(
    hits: Sequence[tuple[int, int, int]], telling: Mapping[int, int], size: int
) -> list[int]:
    """Return for each cell what is satisfied in it and the next. ``telling``: bits by string."""
    own = [0] * size
    for index, start, _ in hits:
        if index in telling:
            own[start // CELL] |= telling[index]
    return [here | after for here, after in pairwise(own)]


def _runs(flags: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of each run of true flags."""
    first = -1
    for n, flag in enumerate(flags):
        if flag and first < 0:
            first = n
        elif not flag and first >= 0:
            yield first, n - 1
            first = -1
    if first >= 0:
        yield first, len(flags) - 1
