"""Texts in, findings out.

A long text is read in windows. Each is folded once; its folded text is matched together with the
tail of what came before, so that nothing is missed at a seam, however much white space or unseen
characters an author puts there. ``pieces`` yields after each window, for callers that must not be
held up.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from leash_addon.core.part import Part
from leash_addon.screen.finding import Finding
from leash_addon.screen.folding import Folding
from leash_addon.screen.matcher import Matcher
from leash_addon.screen.rule import Pack, Status
from leash_addon.screen.sensitivity import Sensitivity
from leash_addon.screen.stretch import Stretch
from leash_addon.screen.windows import windows

MOST: Final = 64
"""Findings of one text; a text that has so many needs no more."""

type _Seen = set[tuple[str, int, int]]


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
        """Compile, some 100 ms' work. Raises ``ValueError`` for a pattern RE2 does not take.

        ``folding``: tables to share between engines.
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
        self._plain = Matcher([rule for rule in self.rules if not rule.views], self._folding)

    def screen(self, text: str, part: Part) -> tuple[Finding, ...]:
        """Return everything that fires, strictest first; at most ``MOST`` findings."""
        found = [finding for piece in self.pieces(text, part) for finding in piece]
        return tuple(sorted(found, key=lambda each: (each.severity, each.start, each.rule)))

    def pieces(self, text: str, part: Part) -> Iterator[tuple[Finding, ...]]:
        """Yield the findings of each window in turn; none comes twice."""
        seen: _Seen = set()
        stretch = Stretch()
        for start, end in windows(text):
            stretch = stretch.reaching(end, self._folding.fold(text[start:end]))
            yield tuple(self._plain_findings(text, stretch, part, seen))
            if len(seen) >= MOST:
                return

    def _plain_findings(
        self, text: str, stretch: Stretch, part: Part, seen: _Seen
    ) -> Iterator[Finding]:
        source = text[stretch.start : stretch.end]
        for rule, start, end in self._plain.places(stretch.read, part):
            first, last = self._folding.span(
                source, stretch.folded, start + stretch.unread, end + stretch.unread
            )
            key = (rule.id, first + stretch.start, last + stretch.start)
            if key in seen or len(seen) >= MOST:
                continue
            seen.add(key)
            yield Finding(
                rule=rule.id,
                part=part,
                severity=rule.severity,
                start=key[1],
                end=key[2],
                title=rule.title,
                why=rule.why,
            )
