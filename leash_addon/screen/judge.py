"""Strict rules, and rules for one view alone, over whatever is hidden in a window."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from leash_addon.core.part import Part
from leash_addon.screen.automaton import Automaton
from leash_addon.screen.folding import Folding
from leash_addon.screen.matcher import Matcher, Tried
from leash_addon.screen.ready import Ready
from leash_addon.screen.rule import Rule
from leash_addon.screen.sensitivity import STRICT
from leash_addon.screen.views.finder import Finder


class Uncovered(NamedTuple):
    """A rule that fires on what a view shows: offsets in the window as given."""

    rule: Rule
    view: str
    start: int
    end: int


class Judge:
    """The rules that are sure enough to read decoded text. Compiled once."""

    def __init__(
        self, patterns: Sequence[Ready], folding: Folding, automaton: Automaton | None
    ) -> None:
        """Take all patterns; only those of strict rules and the views' own are used here."""
        self._folding = folding
        used = [each for each in patterns if each.rule.severity == STRICT or each.rule.views]
        self._matcher = Matcher(map(Tried, used), automaton)
        self._finder = Finder() if used else None

    def decoded(self, text: str, part: Part) -> Iterator[Uncovered]:
        """Judge what is encoded somewhere in a window; the place is the encoded stretch."""
        for hidden in self._finder.hidden(text) if self._finder else ():
            folded = self._folding.fold(hidden.text)
            rules = dict.fromkeys(place.rule for place in self._matcher.places(folded, part))
            for rule in rules:
                if not rule.views or hidden.view in rule.views:
                    yield Uncovered(rule, hidden.view, hidden.start, hidden.end)
