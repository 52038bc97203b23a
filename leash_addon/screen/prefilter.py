"""Where in a text which patterns may match, by the letters they need.

One pass of Aho and Corasick's automaton finds all strings of all clauses and their places. The
text is divided into cells; where every clause of a pattern has a string in a cell or the next, the
pattern may match there, from the cell before on. Neighbouring cells make one stretch.

Sets of patterns are whole numbers, one bit a pattern, and a row of them one number: the first
clauses of all patterns, then the second, ... So the union of two sets is one step, and which
patterns have all their clauses somewhere takes as many steps as a pattern has clauses.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from itertools import islice, pairwise
from operator import or_
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
    """The automaton of the clauses of many patterns. Compiled once."""

    def __init__(self, patterns: Sequence[Sequence[Clause]]) -> None:
        """Take each pattern's clauses; every pattern has at least one."""
        self._size = len(patterns)
        self._rows = max(map(len, patterns), default=0)
        satisfied: dict[str, int] = {}
        self._lacking = 0
        for n, clauses in enumerate(patterns):
            for row in range(self._rows):
                bit = 1 << (row * self._size + n)
                if row >= len(clauses):
                    self._lacking |= bit
                    continue
                for text in clauses[row]:
                    satisfied[text] = satisfied.get(text, 0) | bit
        self._satisfied = list(satisfied.values())
        self._automaton = (
            BytesAhoCorasick([text.encode() for text in satisfied]) if satisfied else None
        )

    def likely(self, raw: bytes) -> Iterator[Likely]:
        """Yield the stretches worth a try, patterns in their order."""
        if self._automaton is None:
            return
        lines = raw.replace(b"\n", b" ")
        hits = self._automaton.find_matches_as_indexes(lines, overlapping=True)
        own = [0] * (len(raw) // CELL + 2)
        for n, start, _ in hits:
            own[start // CELL] |= self._satisfied[n]
        if not self._whole(_union(own)):
            return
        cells = [self._whole(here | after) for here, after in pairwise(own)]
        for pattern in islice(_members(_union(cells)), CROWD):
            for first, last in _runs(cells, 1 << pattern):
                yield Likely(pattern, max(0, first - 1) * CELL, min((last + 2) * CELL, len(raw)))

    def _whole(self, row: int) -> int:
        """Return the patterns all of whose clauses are in a row of sets."""
        row |= self._lacking
        found = row & ((1 << self._size) - 1)
        for _ in range(self._rows - 1):
            row >>= self._size
            found &= row
        return found


def _union(sets: Iterable[int]) -> int:
    return reduce(or_, sets, 0)


def _members(patterns: int) -> Iterator[int]:
    """Yield the members of a set, from the lowest."""
    while patterns:
        lowest = patterns & -patterns
        yield lowest.bit_length() - 1
        patterns ^= lowest


def _runs(cells: Sequence[int], pattern: int) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of each run of cells that have a pattern."""
    first = -1
    for n, cell in enumerate(cells):
        if cell & pattern:
            first = n if first < 0 else first
        elif first >= 0:
            yield first, n - 1
            first = -1
    if first >= 0:
        yield first, len(cells) - 1
