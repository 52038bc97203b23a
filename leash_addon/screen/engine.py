"""Texts in, findings out.

A long text is read in windows. Each is folded once; its folded text is matched together with the
tail of what came before, so that nothing is missed at a seam, however much white space or unseen
characters an author puts there. Then strict rules read what is hidden in the window. ``pieces``
yields after each window, for callers that must not be held up.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from leash_addon.core.part import Part
from leash_addon.screen.automaton import Expressions, is_sound
from leash_addon.screen.finding import Finding
from leash_addon.screen.folding import Folding
from leash_addon.screen.judge import Judge
from leash_addon.screen.matcher import Matcher, Tried, turned_too
from leash_addon.screen.origin import Origin
from leash_addon.screen.ready import Kept, expressions, kept_automaton, ready
from leash_addon.screen.rule import Pack, Rule, Status
from leash_addon.screen.sensitivity import Sensitivity
from leash_addon.screen.stretch import Stretch
from leash_addon.screen.told import Told
from leash_addon.screen.windows import windows

OVERLAP: Final = 256
"""Characters before a window in which something hidden may begin."""


class Engine:
    """Rules at one sensitivity. Safe to keep for the life of a proxy."""

    def __init__(
        self,
        packs: Iterable[Pack],
        *,
        sensitivity: Sensitivity = Sensitivity.MEDIUM,
        disabled: frozenset[str] = frozenset(),
        folding: Folding | None = None,
        kept: Kept = lambda _: None,
    ) -> None:
        """Compile, about a second's work for hundreds of rules; less if automata are kept of them.

        Raises ``ValueError`` for a pattern that RE2 does not take. ``folding``: tables to share
        between engines.
        """
        self.sensitivity = sensitivity
        used = [
            replace(pack, rules=tuple(filter(partial(self._uses, disabled), pack.rules)))
            for pack in packs
        ]
        self.rules = tuple(rule for pack in used for rule in pack.rules)
        self._folding = folding or Folding()
        self._patterns = ready(used, self._folding)
        automaton = kept_automaton(self._patterns, kept)
        proven = frozenset[int]() if automaton is None else automaton.numbers
        for each in self._patterns:
            if each.number not in proven:
                each.prove()
        plain = [Tried(each) for each in self._patterns if not each.rule.views]
        self._plain = Matcher(turned_too(plain), automaton)
        self._judge = Judge(self._patterns, self._folding, automaton)
        self.is_built = automaton is not None

    def _uses(self, disabled: frozenset[str], rule: Rule) -> bool:
        return (
            rule.status is Status.STABLE
            and rule.id not in disabled
            and self.sensitivity.admits(rule.severity)
        )

    def expressions(self) -> tuple[Expressions, ...]:
        """Return what automata are built of that would make screening faster; may be kept."""
        return tuple(each for each, _ in expressions(self._patterns)) if is_sound() else ()

    def screen(self, text: str, part: Part) -> tuple[Finding, ...]:
        """Return everything that fires, strictest first; at most 64 findings."""
        found = [finding for piece in self.pieces(text, part) for finding in piece]
        return tuple(sorted(found, key=lambda each: (each.severity, each.start, each.rule)))

    def pieces(self, text: str, part: Part) -> Iterator[tuple[Finding, ...]]:
        """Yield the findings of each window in turn; none comes twice."""
        told = Told(part)
        stretch = Stretch()
        for start, end in windows(text):
            window = text[start:end]
            folded = self._folding.fold(window)
            stretch = stretch.reaching(start, end, folded)
            self._plainly(text, stretch, told)
            before = max(0, start - OVERLAP)
            for each in self._judge.decoded(text[before:end], part):
                told.hear(each.rule, each.start + before, each.end + before, each.view)
            yield told.news()
            if told.is_full:
                return

    def _plainly(self, text: str, stretch: Stretch, told: Told) -> None:
        origin = Origin(text, stretch, self._folding)
        for rule, start, end, view in self._plain.places(stretch.read, told.part):
            told.hear(rule, *origin.span(start, end), view)
            if told.is_full:
                return
