"""Results for people (a table and one line that sums it up) and for programs (JSON)."""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import islice

import msgspec

from leash_addon.audit.result import Kind, Result
from leash_addon.core.money import Pico, exact_usd, show_usd
from leash_addon.core.usage import Leg, Usage

COLUMNS = (
    *("CALL", "PROVIDER", "FORMAT", "MODEL"),
    *("IN", "CACHED", "WRITTEN", "OUT", "REASON", "TOOLS", "COST", "SOURCE"),
)
RIGHT = frozenset({"IN", "CACHED", "WRITTEN", "OUT", "REASON", "TOOLS", "COST"})
WIDEST = 40
LOOK = 500
"""Rows that settle the widths of the columns: the table is printed as it is read."""

CENT_OF_A_CENT = Pico(10**8)
REASONS_NAMED = 3

ENCODER = msgspec.json.Encoder(decimal_format="number")

COUNTS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "input_image_tokens",
    "output_image_tokens",
)


def as_json(result: Result) -> bytes:
    """Write one result as a line of JSON; ``calls`` is there only for a WebSocket."""
    fields = _fields(result)
    if result.calls:
        fields["calls"] = [_fields(call) for call in result.calls]
    return ENCODER.encode(fields)


def _fields(result: Result) -> dict[str, object]:
    return {
        "id": result.id,
        "format": result.public_format,
        "provider": result.provider,
        "billable": result.billable,
        "usage": usage_fields(result),
        "model_reported": result.model_reported,
        "model_priced": result.model_priced,
        "service_tier": result.service_tier,
        "cost_usd": None if result.cost is None else exact_usd(result.cost),
        "confidence": str(result.confidence),
        "notes": result.notes,
    }


def usage_fields(result: Result) -> dict[str, object]:
    """Return a usage by the names of the JSON report; nothing reported is all ``None``."""
    usage, model = result.usage, result.model_reported
    counts = usage or Usage()
    return {
        "usage_present": usage is not None,
        **{name: getattr(counts, name) for name in COUNTS},
        "server_tool_requests": dict(counts.server_tool_requests),
        "billable_legs": [_leg(leg, model) for leg in counts.billable_legs] or None,
        "provider_cost_usd": counts.provider_cost_usd,
    }


def _leg(leg: Leg, model: str | None) -> dict[str, object]:
    return {
        "kind": leg.kind,
        "model": leg.model or model,
        "input_tokens": leg.usage.input_tokens,
        "cache_read_tokens": leg.usage.cache_read_tokens,
        "cache_write_tokens": leg.usage.cache_write_tokens,
        "output_tokens": leg.usage.output_tokens,
    }


def table(results: Iterable[Result]) -> Iterator[str]:
    """Write a table line by line, a row per call; memory holds its first rows only."""
    rows = (
        _row(call)
        for result in results
        if result.kind is not Kind.OTHER
        for call in result.calls or (result,)
    )
    first = [COLUMNS, *islice(rows, LOOK)]
    widths = [min(WIDEST, max(len(row[at]) for row in first)) for at in range(len(COLUMNS))]
    for row in first:
        yield _line(row, widths)
    for row in rows:
        yield _line(row, widths)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    cells = (
        text.rjust(width) if name in RIGHT else _cut(text, width).ljust(width)
        for text, width, name in zip(row, widths, COLUMNS, strict=True)
    )
    return "  ".join(cells).rstrip()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _row(result: Result) -> tuple[str, ...]:
    usage = result.usage or Usage()
    counts = (
        usage.input_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.output_tokens,
        usage.reasoning_tokens,
        sum(usage.server_tool_requests.values()) or None,
    )
    return (
        *map(_plain, (result.id, result.provider, result.public_format)),
        _plain(result.model_reported or result.model_priced or "-"),
        *("-" if count is None else str(count) for count in counts),
        "?" if result.cost is None else show_usd(result.cost),
        result.source,
    )


def _plain(text: str) -> str:
    """Keep what a recording says from moving the cursor of a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


class Tally:
    """Counts calls by kind and sums what they cost."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self._kinds: Counter[Kind] = Counter()
        self._whys: Counter[str] = Counter()
        self._cost = 0

    def add(self, result: Result) -> None:
        """Count one exchange, or each call of a WebSocket."""
        for call in result.calls or (result,):
            self._kinds[call.kind] += 1
            self._cost += call.cost or 0
            if call.kind is Kind.BLIND:
                self._whys[call.why] += 1

    def line(self) -> str:
        """Sum up: ``41 calls · 38 metered · 2 free · 1 blind (why) · $1.8342``."""
        calls = self._kinds.total() - self._kinds[Kind.OTHER]
        parts = [f"{calls:,} call{'' if calls == 1 else 's'}", self._part(Kind.METERED)]
        parts += [self._part(kind) for kind in (Kind.FREE, Kind.FAILED) if self._kinds[kind]]
        if self._kinds[Kind.BLIND]:
            parts.append(f"{self._part(Kind.BLIND)} ({self._reasons()})")
        parts.append(_total(Pico(self._cost)))
        return " · ".join([*parts, self._part(Kind.OTHER)] if self._kinds[Kind.OTHER] else parts)

    def _part(self, kind: Kind) -> str:
        return f"{self._kinds[kind]:,} {kind}"

    def _reasons(self) -> str:
        """Name the commonest reasons, with their counts where there are several."""
        if len(self._whys) == 1:
            return _plain(next(iter(self._whys)))
        common = self._whys.most_common(REASONS_NAMED)
        rest = self._whys.total() - sum(count for _, count in common)
        named = [f"{count:,} {_plain(why)}" for why, count in common]
        return ", ".join([*named, f"{rest:,} other"] if rest else named)


def _total(cost: Pico) -> str:
    if cost < CENT_OF_A_CENT:
        return show_usd(cost)
    return f"${Decimal(cost).scaleb(-12):,.4f}"
