"""Usage objects as tables: which path holds which count, for every provider's spelling.

The rules that no path can say (a count that a provider keeps outside its total) are small
functions beside the table, decided by the arithmetic of the object itself where that is possible:
the same provider answers both ways by model and by day.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from leash_addon.core.usage import NO_TOOLS, Usage
from leash_addon.wire.formats.numbers import Json, Path, Steps, amount, as_count, count, reach

COUNTS: Final = (
    ("input", "input_tokens"),
    ("output", "output_tokens"),
    ("cache_read", "cache_read_tokens"),
    ("cache_write", "cache_write_tokens"),
    ("cache_write_5m", "cache_write_5m_tokens"),
    ("cache_write_1h", "cache_write_1h_tokens"),
    ("reasoning", "reasoning_tokens"),
    ("input_audio", "input_audio_tokens"),
    ("cached_audio", "cached_audio_tokens"),
    ("output_audio", "output_audio_tokens"),
    ("input_image", "input_image_tokens"),
    ("output_image", "output_image_tokens"),
)
"""The fields of a table that are counts, and the counts of a usage that they hold."""

TICK: Final = Decimal("1e-10")
"""USD in one of xAI's cost ticks (https://docs.x.ai/docs/api-reference, 2026-08)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageTable:
    """Paths into one usage object, the first that holds a number wins. No path: never reported.

    ``tools``: (kind, path) of requests that are billed one by one; zeros are left out.
    ``cost`` in USD, ``ticks`` in 1e-10 USD. ``missing_output``: what an absent output means.
    """

    input: tuple[Path, ...] = ()
    output: tuple[Path, ...] = ()
    total: tuple[Path, ...] = ()
    cache_read: tuple[Path, ...] = ()
    cache_write: tuple[Path, ...] = ()
    cache_write_5m: tuple[Path, ...] = ()
    cache_write_1h: tuple[Path, ...] = ()
    reasoning: tuple[Path, ...] = ()
    input_audio: tuple[Path, ...] = ()
    cached_audio: tuple[Path, ...] = ()
    output_audio: tuple[Path, ...] = ()
    input_image: tuple[Path, ...] = ()
    output_image: tuple[Path, ...] = ()
    seconds: tuple[Path, ...] = ()
    cost: tuple[Path, ...] = ()
    ticks: tuple[Path, ...] = ()
    tools: tuple[tuple[str, Path], ...] = ()
    missing_output: int | None = None
    _counts: tuple[tuple[str, tuple[Steps, ...]], ...] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Take the paths apart once: they are followed in every answer."""
        counts = [
            (name, tuple(tuple(path.split(".")) for path in getattr(self, place)))
            for place, name in COUNTS
        ]
        object.__setattr__(self, "_counts", tuple(row for row in counts if row[1]))

    def read(self, node: Json) -> Usage:
        """Read the counts as they are written; the meaning is up to the format."""
        ticks = amount(node, self.ticks)
        cost = ticks * TICK if ticks is not None else amount(node, self.cost)
        found: dict[str, Any] = {}
        for name, paths in self._counts:
            for steps in paths:
                value = node.get(steps[0]) if isinstance(node, dict) else None
                if len(steps) > 1 and value is not None:
                    value = reach(value, steps[1:])
                if value is not None and (number := as_count(value)) is not None:
                    found[name] = number
                    break
        if self.missing_output is not None:
            found.setdefault("output_tokens", self.missing_output)
        return Usage(
            **found,
            audio_seconds=amount(node, self.seconds) if self.seconds else None,
            provider_cost_usd=cost,
            server_tool_requests=self._tools(node),
        )

    def _tools(self, node: Json) -> Mapping[str, int]:
        counted = ((kind, count(node, (path,))) for kind, path in self.tools)
        found = {kind: number for kind, number in counted if number}
        return MappingProxyType(found) if found else NO_TOOLS


def plus(*counts: int | None) -> int | None:
    """Add counts of which some were not reported; ``None`` only if none was."""
    known = [number for number in counts if number is not None]
    return sum(known) if known else None


def added(usages: Sequence[Usage]) -> Usage:
    """Add several answers' counts; a count that none of them reported stays ``None``."""
    if len(usages) == 1:
        return usages[0]
    sums: dict[str, Any] = {
        field.name: _sum([getattr(usage, field.name) for usage in usages])
        for field in fields(Usage)
        if field.name not in {"server_tool_requests", "billable_legs"}
    }
    tools: Counter[str] = Counter()
    for usage in usages:
        tools.update(usage.server_tool_requests)
    legs = tuple(leg for usage in usages for leg in usage.billable_legs)
    return Usage(**sums, server_tool_requests=MappingProxyType(dict(tools)), billable_legs=legs)


def _sum(values: Sequence[Any]) -> Any:  # noqa: ANN401 - int or Decimal, as the field is
    known = [value for value in values if value is not None]
    return sum(known) if known else None
