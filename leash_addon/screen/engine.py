"""Texts in, findings out.

A long text is read in windows. Each is folded once; its folded text is matched together with the
tail of what came before, so that nothing is missed at a seam, however much white space or unseen
characters an author puts there. Then strict rules read what is hidden in the window. ``pieces``
yields after each window, for callers that must not be held up.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from leash_addon.core.part import Part
from leash_addon.screen.finding import Finding
from leash_addon.screen.folding import Folding
from leash_addon.screen.judge import Judge
from leash_addon.screen.matcher import Matcher, ready, turned_too
from leash_addon.screen.rule import Pack, Status
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
    ) -> None:
        """Compile, about a second's work for hundreds of rules.

        Raises ``ValueError`` for a pattern that RE2 does not take. ``folding``: tables to share
        between engines.
        """
        self.sensitivity = sensitivity
        self.rules = tuple(
            rule
            for pack in packs
            for rule in pack.rules
            if rule.status is Status.STABLE
            and rule.id not in disabled
            and sensitivity.admits(rule.severity)
        )
        self._folding = folding or Folding()
        patterns = ready(self.rules, self._folding)
        plain = [each for each in patterns if not each.rule.views]
        self._plain = Matcher([*plain, *turned_too(plain)])
        self._judge = Judge(patterns, self._folding)

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
            stretch = stretch.reaching(end, folded)
            self._plainly(text, stretch, told)
            before = max(0, start - OVERLAP)
            for each in self._judge.decoded(text[before:end], part):
                told.hear(each.rule, each.start + before, each.end + before, each.view)
            yield told.news()
            if told.is_full:
                return

    def _plainly(self, text: str, stretch: Stretch, told: Told) -> None:
        source = text[stretch.start : stretch.end]
        for rule, start, end, view in self._plain.places(stretch.read, told.part):
            first, last = self._folding.span(
                source, stretch.folded, start + stretch.unread, end + stretch.unread
            )
            told.hear(rule, first + stretch.start, last + stretch.start, view)
            if told.is_full:
                return
