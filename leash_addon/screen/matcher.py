"""Which rules match a folded text, and where.

Hundreds of patterns are not tried on every text: ``prefilter`` says which may match, and where. A
pattern that needs no letters would always be tried; it is where a keyword of its rule occurs.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from leash_addon.core.part import Part
from leash_addon.screen.folding import Folding
from leash_addon.screen.literals import clauses
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


class _Ready(NamedTuple):
    """A pattern, compiled. ``keywords``: in UTF-8, for patterns that need no letters."""

    rule: Rule
    regexp: Regexp
    keywords: tuple[bytes, ...] = ()


class Matcher:
    """A set of rules, compiled once. Matching changes nothing but RE2's own caches."""

    def __init__(self, rules: Sequence[Rule], folding: Folding) -> None:
        """Compile. Raises ``ValueError`` for a pattern that RE2 does not take."""
        strict_first = sorted(rules, key=lambda rule: rule.severity)
        every = [
            (_ready(rule, pattern, folding), clauses(translated(pattern, folding)))
            for rule in strict_first
            for pattern in rule.any_of
        ]
        self._bare = [ready for ready, needed in every if not needed]
        self._filtered = [ready for ready, needed in every if needed]
        self._prefilter = Prefilter([needed for _, needed in every if needed])

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

    def _likely(self, raw: bytes) -> Iterator[tuple[_Ready, int, int]]:
        for index, start, end in self._prefilter.likely(raw):
            yield self._filtered[index], start, end
        for each in self._bare:
            if not each.keywords or any(word in raw for word in each.keywords):
                yield each, 0, len(raw)


def _ready(rule: Rule, pattern: str, folding: Folding) -> _Ready:
    keywords = tuple(folding.fold(word).encode() for word in rule.keywords)
    return _Ready(rule, compiled(pattern, folding), keywords)
