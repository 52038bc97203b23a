"""Published prices: genai-prices, read into rate cards.

genai-prices keeps, per provider and model, conditional prices (by start date or time of day),
tiers by the size of the input, and variants by service tier (https://github.com/pydantic/genai-prices,
0.2.3). A card holds what is true at one moment, and says from when until when.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from re import IGNORECASE, search
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from leash_addon.config.tool_kinds import FREE_AT, by_every_spelling, free
from leash_addon.core.money import Instant
from leash_addon.core.pricing import RateCard, Rates

if TYPE_CHECKING:  # the import costs 0.2 s, which a command that prices nothing need not pay
    from genai_prices.types import ModelInfo, ModelPrice, Provider, StartDateConstraint
    from genai_prices.types import TimeOfDateConstraint as Hours

PROVIDERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "bedrock": "aws",
        "bedrock-mantle": "aws",
        "chatgpt": "openai",
        "copilot": "github-copilot",
        "fireworks-ai": "fireworks",
        "gemini": "google",
        "gemini-code-assist": "google",
        "moonshot": "moonshotai",
        "vertex": "google",
        "voyage": "voyageai",
        "xai": "x-ai",
        "zhipu": "zhipuai",
    }
)
"""Our name of a provider -> genai-prices' id, where they differ."""

_TOKENS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "input": "input_mtok",
        "output": "output_mtok",
        "reasoning": "output_reasoning_mtok",
        "cached_input": "cache_read_mtok",
        "cache_write": "cache_write_mtok",
        "cache_write_5m": "cache_write_5m_mtok",
        "cache_write_1h": "cache_write_1h_mtok",
        "audio_input": "input_audio_mtok",
        "audio_output": "output_audio_mtok",
        "cached_audio_input": "cache_audio_read_mtok",
        "image_input": "input_image_mtok",
        "image_output": "output_image_mtok",
    }
)
"""Our rate -> genai-prices' price key, both USD per million tokens."""

_REQUESTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "web_search": "web_searches_kcount",
        "x_search": "social_searches_kcount",
        "file_search": "storage_searches_kcount",
        "code_execution": "code_executions_kcount",
        "rerank": "rerank_searches_kcount",
    }
)
"""Canonical tool kind -> genai-prices' price key, USD per thousand requests."""

_STANDARD: Final = frozenset({"", "auto", "default", "on_demand", "standard", "standard_only", "1"})
"""Service tiers that mean the list price."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """A card, and the span in which it holds: from ``since`` until before ``until``."""

    card: RateCard | None
    since: Instant | None
    until: Instant | None

    def holds(self, at: Instant) -> bool:
        """Tell whether the card is the right one at that moment."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


NOT_LISTED: Final = Priced(card=None, since=None, until=None)


@cache
def table_name() -> str:
    """Name the table with its version: ``genai-prices 0.2.3``."""
    return f"genai-prices {version('genai-prices')}"


def warm_up() -> None:
    """Import genai-prices and read one model now, so that no call waits for it."""
    published("openai", "gpt-4o", None, Instant(0))


def published(provider: str, name: str, tier: str | None, at: Instant) -> Priced | None:
    """Look a model up under exactly this name; ``None`` when it is not listed.

    A listed model can still have no card: when it is billed in units that no usage counts
    (characters, pages), or has no price and is not said to be free.
    """
    seller = _provider(PROVIDERS.get(provider, provider))
    model = seller.find_model(name, all_providers=_providers()) if seller else None
    if seller is None or model is None:
        return None
    moment = _EPOCH + timedelta(microseconds=at)
    # Like genai-prices: a variant is its own provider's, not one for models resold by others.
    asked = _context(tier) if any(model is own for own in seller.models) else {}
    applied = _applied(model, asked, moment)
    card = _card(
        seller, model, model.get_prices(moment, asked), f"{name} [{tier}]" if applied else name
    )
    since, until = _span(model, moment)
    return Priced(card=card, since=since, until=until)


def _providers() -> "list[Provider]":
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - 0.2 s, see above

    return get_snapshot().providers


@cache
def _provider(its_id: str) -> "Provider | None":
    return next((provider for provider in _providers() if provider.id == its_id), None)


def _context(tier: str | None) -> dict[str, str]:
    """Say a service tier in genai-prices' words (flex, priority, batch, Anthropic's fast mode)."""
    word = (tier or "").strip().lower().replace("-", "_").removeprefix("on_demand_")
    if word in _STANDARD:
        return {}
    if word == "batch":
        return {"processing": "batch"}
    return {"service_tier": word, "speed": "fast"} if word == "fast" else {"service_tier": word}


def _applied(model: "ModelInfo", context: Mapping[str, str], moment: datetime) -> bool:
    return bool(context) and any(
        all(context.get(key) == value for key, value in variant.when.items())
        and (variant.constraint is None or variant.constraint.active(moment))
        for variant in model.price_variants or ()
    )


def _card(
    seller: "Provider", model: "ModelInfo", prices: "ModelPrice", name: str
) -> RateCard | None:
    listed = {key: value for key, value in vars(prices).items() if value is not None}
    if not listed and _said_to_be_free(model):
        zero = Decimal(0)
        rates = Rates(input=zero, output=zero)
        return RateCard(
            table=table_name(), name=name, rates=rates, context_window=model.context_window
        )
    rates = _rates(listed, None)
    requests = {
        kind: _at(listed[key], None).scaleb(-3) for kind, key in _REQUESTS.items() if key in listed
    }
    per_call = _at(listed.get("requests_kcount", Decimal(0)), None).scaleb(-3)
    if rates == Rates() and not per_call:
        return None
    whisper = seller.id == "groq" and model.id.startswith("whisper-large-v3")
    return RateCard(
        table=table_name(),
        name=name,
        rates=rates,
        steps=tuple((start, _rates(listed, start)) for start in _starts(listed)),
        per_request=by_every_spelling({**free(FREE_AT.get(seller.id, ())), **requests}),
        per_call=per_call,
        # https://console.groq.com/docs/speech-to-text (2026-11): billed for 10 seconds at least.
        least_audio_seconds=Decimal(10 if whisper else 0),
        context_window=model.context_window,
    )


def _said_to_be_free(model: "ModelInfo") -> bool:
    """Tell whether an entry without any price means "free" and not "we do not know"."""
    about = f"{model.id} {model.name} {model.price_comments}"
    return search(r"\bfree\b", about, IGNORECASE) is not None


def _rates(listed: Mapping[str, object], above: int | None) -> Rates:
    found = {ours: _at(listed[key], above) for ours, key in _TOKENS.items() if key in listed}
    hour = listed.get("input_audio_hours", listed.get("audio_hours"))
    return Rates(**found, audio_hour=None if hour is None else _at(hour, above))


def _at(price: object, above: int | None) -> Decimal:
    """Return the price of inputs of more than ``above`` tokens; ``None``: the base price."""
    if isinstance(price, Decimal):
        return price
    base: Decimal = getattr(price, "base")  # noqa: B009 - TieredPrices, without importing it
    for tier in getattr(price, "tiers"):  # noqa: B009
        if above is not None and tier.start <= above:
            base = tier.price
    return base


def _starts(listed: Mapping[str, object]) -> list[int]:
    return sorted({tier.start for price in listed.values() for tier in getattr(price, "tiers", ())})


def _span(model: "ModelInfo", moment: datetime) -> tuple[Instant | None, Instant | None]:
    """Return the last change of the model's prices up to a moment, and the next one after it."""
    changes = [_instant(change) for change in _changes(model, moment)]
    now = _instant(moment)
    return (
        max((change for change in changes if change <= now), default=None),
        min((change for change in changes if change > now), default=None),
    )


def _changes(model: "ModelInfo", moment: datetime) -> Iterator[datetime]:
    from genai_prices.types import StartDateConstraint  # noqa: PLC0415 - 0.2 s, see above

    for constraint in _constraints(model):
        if isinstance(constraint, StartDateConstraint):
            yield datetime.combine(constraint.start_date, time(), UTC)
        else:
            for days in (-1, 0, 1):
                day = (moment + timedelta(days=days)).date()
                yield from (_clock(day, constraint.start_time), _clock(day, constraint.end_time))


def _constraints(model: "ModelInfo") -> "Iterator[StartDateConstraint | Hours]":
    conditional: Sequence[object] = model.prices if isinstance(model.prices, list) else ()
    for row in (*conditional, *(model.price_variants or ())):
        constraint = getattr(row, "constraint", None)
        if constraint is not None:
            yield constraint


def _clock(day: date, clock: time) -> datetime:
    aware = clock if clock.tzinfo else clock.replace(tzinfo=UTC)
    return datetime.combine(day, aware)


def _instant(moment: datetime) -> Instant:
    return Instant((moment - _EPOCH) // timedelta(microseconds=1))
