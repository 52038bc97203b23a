"""Where in a text which patterns may match, by the letters they need.

One pass of Aho and Corasick's automaton finds all strings of all clauses and their places. A
pattern may match where each of its clauses has a string, one after the other, no further apart
than what is between them reaches.

Two kinds of sets are whole numbers here. Of patterns, one bit each, a row for their first clauses,
one for their second, ...: which patterns have all their clauses somewhere in a text takes as many
steps as a pattern has clauses. And of places, one bit for every ``STEP`` bytes of the text.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Final, NamedTuple

from ahocorasick_rs import BytesAhoCorasick

from leash_addon.screen.need import Clause, Need
from leash_addon.screen.places import members, onward, runs

STEP: Final = 64
"""Bytes that are one place."""
FINAL: Final = "\u03c2".encode()
SIGMA: Final = "\u03c3".encode()
WIDEST: Final = 4
"""Bytes of a character."""


class Likely(NamedTuple):
    """A pattern, by its index, and the stretch of bytes in which it may match."""

    pattern: int
    start: int
    end: int


class Sought(NamedTuple):
    """What of a pattern is looked for: its clauses by number, and characters between them.

    ``gaps``: from where a clause's string begins to where the next one's does, at most; ``before``
    and ``after``: from where the last one begins to the ends of a match.
    """

    first: int
    others: tuple[tuple[int, int], ...]
    before: int
    after: int


class Prefilter:
    """The automaton of the clauses of many patterns. Compiled once."""

    def __init__(self, needs: Sequence[Need]) -> None:
        """Take what each pattern needs; every one has at least one clause."""
        numbers: dict[frozenset[str], int] = {}
        self._sought = [_sought(need.clauses, numbers) for need in needs]
        self._size = len(needs)
        self._rows = max((len(need.clauses) for need in needs), default=0)
        self._satisfied, self._lacking = self._bits(len(numbers))
        owners: dict[bytes, list[int]] = {}
        for strings, number in numbers.items():
            for text in strings:
                owners.setdefault(_one_sigma(text.encode()), []).append(number)
        self._owners = list(owners.values())
        self._automaton = BytesAhoCorasick(list(owners)) if owners else None

    def _bits(self, count: int) -> tuple[list[int], int]:
        """Return what each clause satisfies, and what is satisfied without any."""
        satisfied, lacking = [0] * count, 0
        for n, sought in enumerate(self._sought):
            clauses = [sought.first, *(clause for clause, _ in sought.others)]
            for row in range(self._rows):
                bit = 1 << (row * self._size + n)
                if row < len(clauses):
                    satisfied[clauses[row]] |= bit
                else:
                    lacking |= bit
        return satisfied, lacking

    def likely(self, raw: bytes) -> Iterator[Likely]:
        """Yield the stretches worth a try, patterns in their order."""
        seen = self._seen(_one_sigma(raw.replace(b"\n", b" ")))
        width = 1 if raw.isascii() else WIDEST
        size = len(raw)
        for pattern in members(self._whole(seen)):
            sought = self._sought[pattern]
            places = seen[sought.first]
            for clause, gap in sought.others:
                places = onward(places, _steps(gap * width, size)) & seen[clause]
            if not places:
                continue
            before = _steps(sought.before * width, size)
            reached = onward(places, before + _steps(sought.after * width, size)) >> before
            for start, end in runs(reached):
                yield Likely(pattern, start * STEP, min(end * STEP, size))

    def _seen(self, lines: bytes) -> Mapping[int, int]:
        """Return the places of each clause that has a string in a text without ends of lines."""
        strings, seen = defaultdict[int, int](int), defaultdict[int, int](int)
        if self._automaton is not None:
            hits = self._automaton.find_matches_as_indexes(lines, overlapping=True)
            for number, start, _ in hits:
                strings[number] |= 1 << start // STEP
        for number, places in strings.items():
            for clause in self._owners[number]:
                seen[clause] |= places
        return seen

    def _whole(self, seen: Mapping[int, int]) -> int:
        """Return the patterns each of whose clauses has a string somewhere."""
        if not seen:
            return 0
        row = reduce(or_, map(self._satisfied.__getitem__, seen), self._lacking)
        found = row & ((1 << self._size) - 1)
        for _ in range(self._rows - 1):
            row >>= self._size
            found &= row
        return found


def _sought(clauses: Sequence[Clause], numbers: dict[frozenset[str], int]) -> Sought:
    """Give the clauses of a pattern their numbers, new ones in turn."""
    first, *others = (numbers.setdefault(each.strings, len(numbers)) for each in clauses)
    gaps = (min(left.after, right.before) for left, right in pairwise(clauses))
    last = clauses[-1]
    return Sought(first, tuple(zip(others, gaps, strict=True)), last.before, last.after)


def _one_sigma(raw: bytes) -> bytes:
    """Write one form of the letter that has two small ones: to RE2 they are the same."""
    return raw.replace(FINAL, SIGMA)


def _steps(count: int, size: int) -> int:
    """Return how many places some bytes reach, in a text of a size."""
    return -(-min(count, size) // STEP)
