"""What is known of an exchange from elsewhere: a truth file, one JSON object a line.

A line has ``id``, ``format``, ``fidelity`` and the counts under ``normalised`` (or under
``expected``, as files of variants have them beside the record itself), and may have a second
opinion on the price: ``genai_prices.price.total_usd``, with ``disagreements`` over the usage.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

import msgspec

from leash_addon.audit.exchange import Bad
from leash_addon.audit.sources import read_lines
from leash_addon.errors import UsageError

FIELDS: Final = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "reasoning_tokens",
    "server_tool_requests",
    "billable_legs",
)
"""What decides whether an exchange was read right."""

ALSO: Final = (
    "input_audio_tokens",
    "output_audio_tokens",
    "input_image_tokens",
    "output_image_tokens",
    "provider_cost_usd",
    "model_reported",
    "service_tier",
)
"""What is compared beside them."""


class _Price(msgspec.Struct):
    total_usd: str | None = None


class _Opinion(msgspec.Struct):
    price: _Price | None = None
    usage: dict[str, object] = msgspec.field(default_factory=dict)


class _Line(msgspec.Struct):
    id: str
    format: str = "other"
    fidelity: str = ""
    normalised: dict[str, object] | None = None
    expected: dict[str, object] | None = None
    genai_prices: _Opinion | None = None
    disagreements: list[object] = msgspec.field(default_factory=list)


LINE: Final = msgspec.json.Decoder(_Line, float_hook=Decimal)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """The truth of one exchange. ``price``: a second opinion in USD, where its usage agrees."""

    format: str
    counts: Mapping[str, object]
    is_ambiguous: bool
    is_count_only: bool
    is_handwritten: bool
    price: Decimal | None

    @property
    def usage_present(self) -> bool:
        """Tell whether the provider reported any usage."""
        return self.counts.get("usage_present") is True

    @property
    def provider_cost(self) -> Decimal | None:
        """Return the provider's own cost in USD, if it stated one."""
        cost = self.counts.get("provider_cost_usd")
        return Decimal(cost) if isinstance(cost, int | Decimal) else None


def read_truth(path: Path) -> dict[str, Truth]:
    """Read a truth file (also gzipped) by id. Raises ``UsageError`` that names the line."""
    truths: dict[str, Truth] = {}
    for line in read_lines(path):
        if isinstance(line, Bad):
            raise UsageError(str(line))
        place, text = line
        try:
            read = LINE.decode(text)
        except (msgspec.MsgspecError, RecursionError) as e:
            message = f"{place}: {e}; a truth is one object a line with id and normalised"
            raise UsageError(message) from e
        truths[read.id] = _truth(read, place)
    return truths


def _truth(line: _Line, place: str) -> Truth:
    counts = line.normalised if line.normalised is not None else line.expected
    if counts is None:
        message = f"{place}: has neither normalised nor expected; it holds no truth"
        raise UsageError(message)
    notes = " ".join(map(str, _list(counts.get("notes"))))
    return Truth(
        format=line.format,
        counts={name: counts.get(name) for name in ("usage_present", *FIELDS, *ALSO)},
        is_ambiguous="AMBIGUOUS" in notes,
        is_count_only="COUNT_ONLY" in notes,
        is_handwritten=line.fidelity == "handwritten?",
        price=_price(line, counts),
    )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _price(line: _Line, counts: Mapping[str, object]) -> Decimal | None:
    """Return the second opinion in USD, unless it was formed over another usage.

    It prices tokens of one model; server tools are in it only where its usage names them.
    """
    opinion = line.genai_prices
    if line.disagreements or counts.get("billable_legs") or opinion is None or not opinion.price:
        return None
    if counts.get("server_tool_requests") and not opinion.usage.get("web_searches"):
        return None
    text = opinion.price.total_usd
    return Decimal(text) if text else None
