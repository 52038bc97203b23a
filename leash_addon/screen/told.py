"""The findings of one text so far; none is told twice, and they have an end."""

from typing import Final

from leash_addon.core.part import Part
from leash_addon.screen.finding import Finding
from leash_addon.screen.rule import Rule

MOST: Final = 64
"""Findings of one text; a text that has so many needs no more."""


class Told:
    """Grows with each window of one text."""

    def __init__(self, part: Part) -> None:
        """Begin a text of a part."""
        self.part = part
        self._places: dict[str, list[tuple[int, int]]] = {}
        self._news: list[Finding] = []
        self._count = 0

    @property
    def is_full(self) -> bool:
        """Tell whether nothing more is taken."""
        return self._count >= MOST

    def hear(self, rule: Rule, start: int, end: int, view: str = "") -> None:
        """Take a finding, unless its rule is already known to fire there."""
        known = self._places.setdefault(rule.id, [])
        if self.is_full or any(start < last and first < end for first, last in known):
            return
        known.append((start, end))
        self._count += 1
        self._news.append(
            Finding(
                rule=rule.id,
                part=self.part,
                severity=rule.severity,
                start=start,
                end=end,
                view=view,
                title=rule.title,
                why=rule.why,
            )
        )

    def news(self) -> tuple[Finding, ...]:
        """Return what was heard since the last time."""
        found, self._news = tuple(self._news), []
        return found
