"""Which rules match a folded text, and where.

The text is read in slices that overlap by a rule's longest match. ``re2.Filter`` looks for the
letters that a pattern cannot do without, in one pass over a slice, and leaves the few patterns
that may match there; these are tried, strict ones first. A pattern that has no such letters would
be left every time; it is tried only where a keyword of its rule occurs.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import re2

from leash_addon.core.part import Part
from leash_addon.screen.folding import Folding
from leash_addon.screen.pattern import Regexp, compiled, options, translated
from leash_addon.screen.rule import Rule

SLICE: Final = 2048
"""Characters of one slice: the fewer, the fewer patterns are left by chance."""
LONGEST: Final = 256
"""Characters of a match that is sure to be found."""
PLACES: Final = 4
"""Places of one pattern that are told in one slice."""
MANY: Final = 32
"""Patterns that are tried one by one; for more RE2's own loop is quicker."""
CROWD: Final = 8
"""Rules that fire in one slice, after which the rest of it is not tried."""

type RegexpFilter = Any
"""RE2's filter, which ships no types."""


class Place(NamedTuple):
    """A rule and where it matched, as offsets in the folded text."""

    rule: Rule
    start: int
    end: int


class _Pattern(NamedTuple):
    rule: Rule
    pattern: str


class _Ready(NamedTuple):
    """A pattern, compiled. ``keywords``: one must occur, in UTF-8; none for a filtered pattern."""

    rule: Rule
    regexp: Regexp
    keywords: tuple[bytes, ...] = ()


class Matcher:
    """A set of rules, compiled once. Matching changes nothing but RE2's own caches."""

    def __init__(self, rules: Sequence[Rule], folding: Folding) -> None:
        """Compile. Raises ``ValueError`` for a pattern that RE2 does not take."""
        strict_first = sorted(rules, key=lambda rule: rule.severity)
        every = [_Pattern(rule, pattern) for rule in strict_first for pattern in rule.any_of]
        bare = set(_without_letters(every, folding))
        self._bare = [_ready(each, folding) for each in every if each in bare]
        filtered = [each for each in every if each not in bare]
        self._filter = _filter(filtered, folding) if filtered else None
        self._filtered = [_Ready(each.rule, self._filter.re(n)) for n, each in enumerate(filtered)]

    def places(self, text: str, part: Part) -> Iterator[Place]:
        """Find the rules of a part that match, slice by slice; an overlap may tell twice."""
        for start in range(0, max(len(text), 1), SLICE):
            piece = text[max(0, start - LONGEST) : start + SLICE]
            for rule, first, last in self._in_slice(piece.encode(), part):
                before = max(0, start - LONGEST)
                yield Place(rule, before + first, before + last)

    def _in_slice(self, raw: bytes, part: Part) -> Iterator[Place]:
        fired: set[str] = set()
        for each in self._likely(raw):
            if part not in each.rule.scan:
                continue
            for match in islice(each.regexp.finditer(raw), PLACES):
                first = len(raw[: match.start()].decode())
                yield Place(each.rule, first, first + len(match.group().decode()))
                fired.add(each.rule.id)
            if len(fired) >= CROWD:
                return

    def _likely(self, raw: bytes) -> Iterator[_Ready]:
        if self._filter is not None:
            left = sorted(self._filter.Match(raw, True) or ())  # noqa: FBT003 - positional only
            for index in left[:MANY]:
                yield self._filtered[index]
            if len(left) > MANY:
                for index in sorted(self._filter.Match(raw) or ()):
                    if index > left[MANY - 1]:
                        yield self._filtered[index]
        for each in self._bare:
            if not each.keywords or any(word in raw for word in each.keywords):
                yield each


def _filter(patterns: Sequence[_Pattern], folding: Folding) -> RegexpFilter:
    built = re2.Filter()
    chosen = options()
    for each in patterns:
        try:
            built.Add(translated(each.pattern, folding), chosen)
        except re2.error as error:
            msg = f"{each.rule.id}: {each.pattern}: {error}"
            raise ValueError(msg) from None
    built.Compile()
    return built


def _without_letters(patterns: Sequence[_Pattern], folding: Folding) -> list[_Pattern]:
    """Find the patterns that the filter would try on any text."""
    if not patterns:
        return []
    left = _filter(patterns, folding).Match("", True) or ()  # noqa: FBT003 - positional only
    return [patterns[index] for index in left]


def _ready(each: _Pattern, folding: Folding) -> _Ready:
    keywords = tuple(folding.fold(word).encode() for word in each.rule.keywords)
    return _Ready(each.rule, compiled(each.pattern, folding), keywords)
