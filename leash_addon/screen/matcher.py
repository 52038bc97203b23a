"""Which rules match a folded text, and where.

``re2.Filter`` looks for the letters that a pattern cannot do without in one pass over the text,
and runs only the patterns that are left. A pattern that has no such letters would be left every
time; it is tried only where a keyword of its rule occurs.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import re2

from leash_addon.core.part import Part
from leash_addon.screen.folding import Folding
from leash_addon.screen.pattern import Regexp, compiled, options, translated
from leash_addon.screen.rule import Rule

PLACES: Final = 8
"""Places of one rule that are told in one window."""


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


class Matcher:
    """A set of rules, compiled once. Matching changes nothing but RE2's own caches."""

    def __init__(self, rules: Sequence[Rule], folding: Folding) -> None:
        """Compile. Raises ``ValueError`` for a pattern that RE2 does not take."""
        every = [_Pattern(rule, pattern) for rule in rules for pattern in rule.any_of]
        bare = set(_without_letters(every, folding))
        self._bare = [_bare(each, folding) for each in every if each in bare]
        self._filtered = [each.rule for each in every if each not in bare]
        self._filter = _filter([each for each in every if each not in bare], folding)

    def places(self, text: str, part: Part) -> Iterator[Place]:
        """Find every rule of a part that matches, with at most ``PLACES`` places a pattern."""
        for rule, regexp in self._matching(text):
            if part not in rule.scan:
                continue
            for match in islice(regexp.finditer(text), PLACES):
                yield Place(rule, match.start(), match.end())

    def _matching(self, text: str) -> Iterator[tuple[Rule, Regexp]]:
        if self._filtered:
            for index in self._filter.Match(text) or ():
                yield self._filtered[index], self._filter.re(index)
        for rule, regexp, keywords in self._bare:
            gate = not keywords or any(word in text for word in keywords)
            if gate and regexp.search(text):
                yield rule, regexp


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


def _bare(each: _Pattern, folding: Folding) -> tuple[Rule, Regexp, tuple[str, ...]]:
    keywords = tuple(folding.fold(word) for word in each.rule.keywords)
    return each.rule, compiled(each.pattern, folding), keywords
