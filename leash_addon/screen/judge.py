"""Strict rules, and rules for one view alone, over whatever is hidden in a window."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from leash_addon.core.part import Part
from leash_addon.screen.folding import Folding
from leash_addon.screen.matcher import Matcher, Ready
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

    def __init__(self, patterns: Sequence[Ready], folding: Folding) -> None:
        """Take all patterns; only those of strict rules and the views' own are used here."""
        self._folding = folding
        self._strict = Matcher(
            each for each in patterns if each.rule.severity == STRICT and not each.rule.views
        )
        self._own = Matcher(each for each in patterns if each.rule.views)
        is_needed = any(each.rule.severity == STRICT or each.rule.views for each in patterns)
        self._finder = Finder() if is_needed else None

    def decoded(self, text: str, part: Part) -> Iterator[Uncovered]:
        """Judge what is encoded somewhere in a window; the place is the encoded stretch."""
        for hidden in self._finder.hidden(text) if self._finder else ():
            folded = self._folding.fold(hidden.text)
            rules = [place.rule for place in self._strict.places(folded, part)]
            rules += [
                place.rule
                for place in self._own.places(folded, part)
                if hidden.view in place.rule.views
            ]
            for rule in dict.fromkeys(rules):
                yield Uncovered(rule, hidden.view, hidden.start, hidden.end)
