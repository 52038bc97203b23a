"""Which rules match a folded text, and where.

Hundreds of patterns are not tried on every text. Where automata have been built (``automaton``),
they say in one pass which patterns match; RE2 then finds the places. Where there are none yet, and
for patterns that an automaton does not take, ``prefilter`` says which may match, and where, by the
letters that they need. A pattern that needs no letters would always be tried; it is where a
keyword of its rule occurs.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

from leash_addon.core.part import Part
from leash_addon.screen.automaton import Automaton
from leash_addon.screen.prefilter import Prefilter
from leash_addon.screen.ready import Ready
from leash_addon.screen.rule import Rule
from leash_addon.screen.sensitivity import STRICT
from leash_addon.screen.views.turned import PLAIN, TURNS, Span, Turned, turned

PLACES: Final = 16
"""Places of one pattern that are told in one window, or one stretch of it."""
CROWD: Final = 16
"""Rules that fire in one text, after which the rest of it is not tried."""


class Place(NamedTuple):
    """A rule and where it matched, as offsets in the folded text. ``view``: how it was turned."""

    rule: Rule
    start: int
    end: int
    view: str = PLAIN


class Tried(NamedTuple):
    """A pattern, and how the text is turned that it reads, if at all."""

    pattern: Ready
    view: str = PLAIN


def turned_too(patterns: Iterable[Tried]) -> Iterator[Tried]:
    """Yield patterns, and those of strict rules again for each way of turning a text."""
    every = tuple(patterns)
    yield from every
    for view in TURNS:
        yield from (
            each._replace(view=view) for each in every if each.pattern.rule.severity == STRICT
        )


class Matcher:
    """A set of patterns. Matching changes nothing but RE2's own caches."""

    def __init__(self, patterns: Iterable[Tried], automaton: Automaton | None = None) -> None:
        """Take them in the order in which they are to be tried.

        ``automaton``: of these patterns, and maybe others, by their numbers.
        """
        every = tuple(patterns)
        known = frozenset[int]() if automaton is None else automaton.numbers
        self._known = {
            (each.pattern.number, each.view): each for each in every if each.pattern.number in known
        }
        self._reads = [] if automaton is None else self._scans(automaton)
        rest = [each for each in every if each.pattern.number not in known]
        self._always = [each for each in rest if not each.pattern.need.clauses]
        self._filtered = [each for each in rest if each.pattern.need.clauses]
        self._prefilter = Prefilter(
            [turned(each.pattern.need, each.view) for each in self._filtered]
        )

    def _scans(self, automaton: Automaton) -> list[tuple[str, Callable[[bytes], list[int]]]]:
        """Return how each view of a text is read: by those parts that know patterns of it."""
        numbers: dict[str, set[int]] = {}
        for number, view in self._known:
            numbers.setdefault(view, set()).add(number)
        return [
            (view, partial(automaton.matching, parts=automaton.parts(known)))
            for view, known in numbers.items()
        ]

    def places(self, text: str, part: Part) -> Iterator[Place]:
        """Find the rules of a part that match a window of some thousand characters."""
        texts = Turned(text)
        fired: set[str] = set()
        for (pattern, view), span in self._likely(texts):
            rule = pattern.rule
            if part not in rule.scan:
                continue
            raw = texts.raw(view)
            start, end = span.turned(view, len(raw))
            for match in islice(pattern.regexp.finditer(raw, start, end), PLACES):
                first = len(raw[: match.start()].decode(errors="replace"))
                size = len(match.group().decode(errors="replace"))
                place = Span(first, first + size).turned(view, len(text))
                yield Place(rule, *place, view)
                fired.add(rule.id)
            if len(fired) >= CROWD:
                return

    def _likely(self, texts: Turned) -> Iterator[tuple[Tried, Span]]:
        whole = Span(0, len(texts.raw()))
        for view, matching in self._reads:
            read = texts.narrow(view)
            if view != PLAIN and read == texts.narrow() and texts.raw(view) == texts.raw():
                continue  # digits and signs alone are the same by rot13
            for number in matching(read):
                if found := self._known.get((number, view)):
                    yield found, whole
        if self._filtered:
            for at, start, end in self._prefilter.likely(texts.raw()):
                yield self._filtered[at], Span(start, end)
        for each in self._always:
            yield each, whole
