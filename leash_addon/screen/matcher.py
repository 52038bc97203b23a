"""Which rules match a folded text, and where.

Hundreds of patterns are not tried on every text: ``prefilter`` says which may match, and where. A
pattern that needs no letters would always be tried; it is where a keyword of its rule occurs.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from leash_addon.core.part import Part
from leash_addon.screen.folding import Folding
from leash_addon.screen.literals import needed
from leash_addon.screen.need import Clause, Need
from leash_addon.screen.pattern import Regexp, compiled, translated
from leash_addon.screen.prefilter import Prefilter
from leash_addon.screen.rule import Rule
from leash_addon.screen.sensitivity import STRICT
from leash_addon.screen.views.turned import PLAIN, TURNS, Span, Turned, turned

PLACES: Final = 4
"""Places of one pattern that are told in one stretch."""
CROWD: Final = 16
"""Rules that fire in one text, after which the rest of it is not tried."""


class Place(NamedTuple):
    """A rule and where it matched, as offsets in the folded text. ``view``: how it was turned."""

    rule: Rule
    start: int
    end: int
    view: str = PLAIN


class Ready(NamedTuple):
    """A pattern, compiled. ``view``: how the text is turned that it reads, if at all."""

    rule: Rule
    regexp: Regexp
    need: Need
    view: str = PLAIN


def ready(rules: Iterable[Rule], folding: Folding) -> tuple[Ready, ...]:
    """Compile the patterns of rules, strict ones first. ``ValueError`` names the rule."""
    return tuple(
        _ready(rule, pattern, folding)
        for rule in sorted(rules, key=lambda rule: rule.severity)
        for pattern in rule.any_of
    )


def _ready(rule: Rule, pattern: str, folding: Folding) -> Ready:
    try:
        return Ready(rule, compiled(pattern, folding), _need(pattern, rule, folding))
    except ValueError as error:
        msg = f"{rule.id}: any_of: {error}; `leash rules check` says more"
        raise ValueError(msg) from None


def _need(pattern: str, rule: Rule, folding: Folding) -> Need:
    need = needed(translated(pattern, folding))
    words = [folding.fold(word).replace("\n", " ") for word in rule.keywords]
    if need.clauses or not words or not all(words):
        return need
    return need._replace(clauses=(Clause(frozenset(words), need.longest, need.longest),))


def turned_too(patterns: Sequence[Ready]) -> Iterator[Ready]:
    """Yield the patterns of strict rules again, for each way of turning a text."""
    for view in TURNS:
        for each in patterns:
            if each.rule.severity == STRICT:
                yield each._replace(need=turned(each.need, view), view=view)


class Matcher:
    """A set of patterns. Matching changes nothing but RE2's own caches."""

    def __init__(self, patterns: Iterable[Ready]) -> None:
        """Take them in the order in which they are to be tried."""
        every = tuple(patterns)
        self._always = [each for each in every if not each.need.clauses]
        self._filtered = [each for each in every if each.need.clauses]
        self._prefilter = Prefilter([each.need for each in self._filtered])

    def places(self, text: str, part: Part) -> Iterator[Place]:
        """Find the rules of a part that match a window of some thousand characters."""
        texts = Turned(text)
        fired: set[str] = set()
        for each, span in self._likely(texts.raw()):
            if part not in each.rule.scan:
                continue
            raw = texts.raw(each.view)
            start, end = span.turned(each.view, len(raw))
            for match in islice(each.regexp.finditer(raw, start, end), PLACES):
                first = len(raw[: match.start()].decode(errors="replace"))
                size = len(match.group().decode(errors="replace"))
                place = Span(first, first + size).turned(each.view, len(text))
                yield Place(each.rule, *place, each.view)
                fired.add(each.rule.id)
            if len(fired) >= CROWD:
                return

    def _likely(self, raw: bytes) -> Iterator[tuple[Ready, Span]]:
        for pattern, start, end in self._prefilter.likely(raw):
            yield self._filtered[pattern], Span(start, end)
        for each in self._always:
            yield each, Span(0, len(raw))
