"""Which rules match a folded text, and where.

Hundreds of patterns are not tried on every text: ``prefilter`` says which may match, and where. A
pattern that needs no letters would always be tried; it is where a keyword of its rule occurs.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from ahocorasick_rs import BytesAhoCorasick, Implementation

from leash_addon.core.part import Part
from leash_addon.screen.folding import Folding
from leash_addon.screen.literals import Clause, clauses
from leash_addon.screen.pattern import Regexp, compiled, translated
from leash_addon.screen.prefilter import Prefilter
from leash_addon.screen.rule import Rule

PLACES: Final = 4
"""Places of one pattern that are told in one stretch."""
CROWD: Final = 16
"""Rules that fire in one text, after which the rest of it is not tried."""


class Place(NamedTuple):
    """A rule and where it matched, as offsets in the folded text."""

    rule: Rule
    start: int
    end: int


class Ready(NamedTuple):
    """A pattern, compiled. ``keywords``: in UTF-8, for a pattern that needs no letters."""

    rule: Rule
    regexp: Regexp
    needed: tuple[Clause, ...]
    keywords: tuple[bytes, ...]


def ready(rules: Iterable[Rule], folding: Folding) -> tuple[Ready, ...]:
    """Compile the patterns of rules, strict ones first. Raises ``ValueError`` as RE2 does."""
    return tuple(
        Ready(
            rule,
            compiled(pattern, folding),
            clauses(translated(pattern, folding)),
            tuple(folding.fold(word).encode() for word in rule.keywords),
        )
        for rule in sorted(rules, key=lambda rule: rule.severity)
        for pattern in rule.any_of
    )


class Matcher:
    """A set of patterns. Matching changes nothing but RE2's own caches."""

    def __init__(self, patterns: Iterable[Ready]) -> None:
        """Take them in the order in which they are to be tried."""
        every = tuple(patterns)
        self._bare = [
            (each, BytesAhoCorasick(each.keywords, implementation=Implementation.DFA))
            if each.keywords and all(each.keywords)
            else (each, None)
            for each in every
            if not each.needed
        ]
        self._filtered = [each for each in every if each.needed]
        self._prefilter = Prefilter([each.needed for each in self._filtered])

    def places(self, text: str, part: Part) -> Iterator[Place]:
        """Find the rules of a part that match a window of some thousand characters."""
        raw = text.encode()
        fired: set[str] = set()
        for each, start, end in self._likely(raw):
            if part not in each.rule.scan:
                continue
            for match in islice(each.regexp.finditer(raw, start, end), PLACES):
                first = len(raw[: match.start()].decode(errors="replace"))
                size = len(match.group().decode(errors="replace"))
                yield Place(each.rule, first, first + size)
                fired.add(each.rule.id)
            if len(fired) >= CROWD:
                return

    def _likely(self, raw: bytes) -> Iterator[tuple[Ready, int, int]]:
        for index, start, end in self._prefilter.likely(raw):
            yield self._filtered[index], start, end
        for each, keywords in self._bare:
            if keywords is None or keywords.find_matches_as_indexes(raw):
                yield each, 0, len(raw)
