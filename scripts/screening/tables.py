"""Shares of texts that fire, as tables in Markdown."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from corpus import CODE, Row

from leash_addon.core.part import Part
from leash_addon.screen.sensitivity import Sensitivity

MEGA: Final = 1_000_000
FEWEST: Final = 5
"""Texts of a language, family or source below which it has no line of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A text, and at which sensitivities it fires."""

    row: Row
    fires: frozenset[Sensitivity]


def line(*cells: object) -> str:
    """Return one line of a table."""
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def head(*cells: str) -> str:
    """Return the two lines that begin a table."""
    return line(*cells) + "\n" + "|" + "---|" * len(cells)


def summary(judged: Sequence[Judged], speeds: dict[Sensitivity, float]) -> Iterable[str]:
    """Yield the one table that counts."""
    attacks = [each for each in judged if each.row.attack]
    worded = [each for each in attacks if not each.row.contextual]
    benign = ordinary(judged)
    code = [each for each in benign if each.row.kind == CODE]
    octets = sum(each.row.octets for each in code)
    yield head(
        "sensitivity",
        f"recall, all {len(attacks)}",
        f"recall, {len(worded)} non-contextual",
        f"false alarms, {len(benign)} user + tool_result",
        f"on code, {len(code)}",
        f"per MB of code, {octets / MEGA:.1f} MB",
        "MB/s",
    )
    for level, speed in speeds.items():
        alarms = sum(level in each.fires for each in code)
        yield line(
            level,
            share(attacks, level, 1),
            share(worded, level, 1),
            share(benign, level, 2),
            share(code, level, 3),
            f"{alarms * MEGA / octets:.2f}" if octets else "-",
            f"{speed:.1f}",
        )


def ordinary(judged: Sequence[Judged]) -> list[Judged]:
    """Return the benign texts of the parts that are screened by default."""
    return [each for each in judged if not each.row.attack and each.row.part is not Part.SYSTEM]


def by(
    title: str,
    judged: Sequence[Judged],
    levels: Sequence[Sensitivity],
    key: Callable[[Row], str],
    digits: int,
) -> Iterable[str]:
    """Yield a table of one line per value of a key, the most frequent first."""
    groups: dict[str, list[Judged]] = {}
    for each in judged:
        groups.setdefault(key(each.row), []).append(each)
    yield head(title, "texts", *levels)
    for name, group in sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        if len(group) >= FEWEST:
            yield line(name, len(group), *(share(group, level, digits) for level in levels))


def share(judged: Sequence[Judged], level: Sensitivity, digits: int) -> str:
    """Return how many of some texts fire, in percent."""
    if not judged:
        return "-"
    fired = sum(level in each.fires for each in judged)
    return f"{100 * fired / len(judged):.{digits}f} %"
