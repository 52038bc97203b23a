"""How often each rule fired: findings of the journal, folded by rule."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from leash_addon.core.journal import Screened
from leash_addon.core.money import Instant
from leash_addon.core.part import Part
from leash_addon.core.screening import Action


@dataclass(slots=True, kw_only=True)
class Fired:
    """One rule. A text in which it fired twice counts twice; a resent one counts once.

    ``last``: when it fired last; ``None``: never.
    """

    rule: str
    times: int = 0
    parts: Counter[Part] = field(default_factory=Counter)
    actions: Counter[Action] = field(default_factory=Counter)
    last: Instant | None = None


@dataclass(slots=True, kw_only=True)
class Tally:
    """All rules that fired. ``more``: findings of calls that had too many to list."""

    rules: dict[str, Fired] = field(default_factory=dict)
    more: int = 0


def tally(entries: Iterable[Screened], since: Instant | None = None) -> Tally:
    """Fold what was found at ``since`` or later (``None``: ever), in any order."""
    counted = Tally()
    for entry in entries:
        if since is not None and entry.at < since:
            continue
        counted.more += entry.more
        for found in entry.found:
            one = counted.rules.setdefault(found.rule, Fired(rule=found.rule))
            one.times += 1
            one.parts[found.part] += 1
            one.actions[found.action] += 1
            one.last = entry.at if one.last is None else max(one.last, entry.at)
    return counted
