"""Usage objects as tables: which path holds which count, for every provider's spelling.

The rules that no path can say (a count that a provider keeps outside its total) are small
functions beside the table, decided by the arithmetic of the object itself where that is possible:
the same provider answers both ways by model and by day.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from leash_addon.core.usage import Usage
from leash_addon.wire.formats.numbers import Json, Path, amount, count

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

    def read(self, node: Json) -> Usage:
        """Read the counts as they are written; the meaning is up to the format."""
        output = count(node, self.output)
        ticks = amount(node, self.ticks)
        cost = ticks * TICK if ticks is not None else amount(node, self.cost)
        return Usage(
            input_tokens=count(node, self.input),
            output_tokens=self.missing_output if output is None else output,
            cache_read_tokens=count(node, self.cache_read),
            cache_write_tokens=count(node, self.cache_write),
            cache_write_5m_tokens=count(node, self.cache_write_5m),
            cache_write_1h_tokens=count(node, self.cache_write_1h),
            reasoning_tokens=count(node, self.reasoning),
            input_audio_tokens=count(node, self.input_audio),
            cached_audio_tokens=count(node, self.cached_audio),
            output_audio_tokens=count(node, self.output_audio),
            input_image_tokens=count(node, self.input_image),
            output_image_tokens=count(node, self.output_image),
            audio_seconds=amount(node, self.seconds),
            provider_cost_usd=cost,
            server_tool_requests=self._tools(node),
        )

    def _tools(self, node: Json) -> MappingProxyType[str, int]:
        found = ((kind, count(node, (path,))) for kind, path in self.tools)
        return MappingProxyType({kind: number for kind, number in found if number})


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
