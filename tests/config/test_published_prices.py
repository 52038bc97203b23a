"""genai-prices, read into rate cards, prices every model as genai-prices does."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import cache

import genai_prices
import pytest
from genai_prices.data import providers
from genai_prices.types import ModelInfo, ModelPrice, Provider

from leash_addon.config.published import _card, published
from leash_addon.core.money import Instant, ceil_pico
from leash_addon.core.pricing import RateCard, Rates, Unpriced, price
from leash_addon.core.usage import Usage

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENTS = [
    datetime(2025, 6, 1, 3, 15, tzinfo=UTC),
    datetime(2026, 8, 20, 12, 0, tzinfo=UTC),
    datetime(2026, 11, 21, 7, 59, 59, tzinfo=UTC),
    datetime(2027, 2, 1, 20, 0, tzinfo=UTC),
]
CONTEXTS = {
    None: {},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "batch": {"processing": "batch"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
USAGES = [
    pytest.param(Usage(input_tokens=1, output_tokens=1), id="one token each way"),
    pytest.param(Usage(input_tokens=1_234, output_tokens=567), id="plain"),
    pytest.param(Usage(input_tokens=128_000, output_tokens=3), id="at a step"),
    pytest.param(Usage(input_tokens=200_001, output_tokens=8_191), id="just above a step"),
    pytest.param(
        Usage(input_tokens=900_000, cache_read_tokens=880_001, output_tokens=7), id="long"
    ),
    pytest.param(
        Usage(
            input_tokens=50_000,
            cache_read_tokens=10_007,
            cache_write_tokens=20_003,
            cache_write_1h_tokens=5_001,
            output_tokens=901,
            reasoning_tokens=333,
        ),
        id="cache by its time to live, and reasoning",
    ),
    pytest.param(
        Usage(
            input_tokens=1_000,
            cache_read_tokens=700,
            input_audio_tokens=500,
            output_tokens=400,
            output_audio_tokens=399,
        ),
        id="audio, some of it cached",
    ),
    pytest.param(
        Usage(
            input_tokens=2_000, input_image_tokens=1_501, output_tokens=5_000, output_image_tokens=1
        ),
        id="images",
    ),
    pytest.param(Usage(audio_seconds=Decimal("61.7")), id="a minute of audio"),
    pytest.param(Usage(audio_seconds=Decimal("0.3")), id="less than the least that is billed"),
    pytest.param(
        Usage(
            input_tokens=9,
            output_tokens=9,
            server_tool_requests={"web_search": 3, "file_search": 2},
        ),
        id="searches",
    ),
]
KEYS = {
    "cache_read_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "cache_write_1h_tokens": "cache_write_1h_tokens",
    "input_audio_tokens": "input_audio_tokens",
    "output_audio_tokens": "output_audio_tokens",
    "input_image_tokens": "input_image_tokens",
    "output_image_tokens": "output_image_tokens",
    "reasoning_tokens": "output_reasoning_tokens",
}


def theirs(usage: Usage) -> genai_prices.Usage:
    """Say our usage in genai-prices' words."""
    both = (usage.cache_read_tokens or 0) + (usage.input_audio_tokens or 0)
    counts: dict[str, int | Decimal] = {
        "input_tokens": usage.input_tokens or 0,
        "output_tokens": usage.output_tokens or 0,
        "cache_audio_read_tokens": max(0, both - (usage.input_tokens or 0)),
        "web_searches": usage.server_tool_requests.get("web_search", 0),
        "storage_searches": usage.server_tool_requests.get("file_search", 0),
        **{key: getattr(usage, ours) or 0 for ours, key in KEYS.items()},
    }
    if usage.audio_seconds:
        counts |= dict.fromkeys(("audio_seconds", "input_audio_seconds"), usage.audio_seconds)
    return genai_prices.Usage(**counts)


@cache
def every_price() -> tuple[tuple[Provider, ModelInfo, ModelPrice], ...]:
    """Every distinct price that the snapshot has for a model at some moment in some tier."""
    found = {}
    for provider in providers:
        for model in provider.models:
            dated = isinstance(model.prices, list) or model.price_variants
            for moment in MOMENTS if dated else MOMENTS[:1]:
                for context in CONTEXTS.values() if model.price_variants else [{}]:
                    listed = model.get_prices(moment, context)
                    floor = provider.id if "whisper" in model.id else ""
                    found[floor, str(listed)] = provider, model, listed
    return tuple(found.values())


@pytest.mark.parametrize("usage", USAGES)
def test_every_model_costs_what_genai_prices_says(usage: Usage) -> None:
    """No model's price differs from genai-prices' by a picodollar; only a lacking rate may."""
    differing: list[tuple[object, ...]] = []
    for provider, model, listed in every_price():
        card = _card(provider, model, listed, model.id)
        ours = price(usage, card) if card else Unpriced("no price at all")
        if isinstance(ours, Unpriced):
            if not lacks_a_rate(card, usage):
                differing.append((provider.id, model.id, ours, None))
            continue
        their_model = ModelInfo(id=model.id, match=model.match, prices=listed)
        total = their_model.calc_price(theirs(usage), provider).total_price
        if abs(ours - ceil_pico(total.scaleb(12))) > (1 if usage.audio_seconds else 0):
            differing.append((provider.id, model.id, ours, total))
    assert differing == []


def lacks_a_rate(card: RateCard | None, usage: Usage) -> bool:
    """Tell whether a rate that the usage needs is not listed (genai-prices takes that for zero)."""
    if card is None:
        return True
    needs = (
        (usage.input_tokens, card.rates.input),
        (usage.output_tokens, card.rates.output),
        (usage.audio_seconds, card.rates.audio_hour),
    )
    return any(count and rate is None for count, rate in needs) or any(
        kind not in card.per_request for kind in usage.server_tool_requests
    )


def at(moment: datetime) -> Instant:
    """Return a moment as leash counts time."""
    return Instant((moment - EPOCH) // timedelta(microseconds=1))


def test_most_published_models_have_a_card() -> None:
    """Only entries without a price, and those billed in units nobody counts, have no card."""
    without = {
        (provider.id, model.id)
        for provider, model, listed in every_price()
        if _card(provider, model, listed, model.id) is None
        and any(key.endswith(("_mtok", "_hours")) for key in vars(listed))
    }
    assert without == set()


@pytest.mark.parametrize("moment", MOMENTS[1:3], ids=str)
@pytest.mark.parametrize("tier", CONTEXTS, ids=str)
def test_a_lookup_picks_the_price_of_the_moment_and_the_tier(
    moment: datetime, tier: str | None
) -> None:
    """A card found by name is the one genai-prices would take at that moment, in that tier."""
    usage = Usage(input_tokens=12_345, cache_read_tokens=345, output_tokens=678)
    differing: list[tuple[object, ...]] = []
    for provider in providers:
        for model in provider.models:
            if not (isinstance(model.prices, list) or model.price_variants):
                continue
            found = published(provider.id, model.id, tier, at(moment))
            if found is None:  # the entry's id is not one of the names that it matches
                continue
            total = genai_prices.calc_price(
                theirs(usage),
                model.id,
                provider_id=provider.id,
                genai_request_timestamp=moment,
                price_context=CONTEXTS[tier],
            ).total_price
            ours = price(usage, found.card) if found.card else None
            if not isinstance(ours, int) or ours != ceil_pico(total.scaleb(12)):
                differing.append((provider.id, model.id, ours, total))
    assert [row for row in differing if not isinstance(row[2], Unpriced | None)] == []


def test_a_card_holds_exactly_until_the_price_changes() -> None:
    """DeepSeek's off-peak price begins and ends on the minute, and the spans say so."""
    early = published("deepseek", "deepseek-chat", None, at(MOMENTS[0]))
    assert early is not None
    assert early.since is not None
    assert early.until is not None
    day = datetime(2025, 6, 1, tzinfo=UTC)
    assert (early.since, early.until) == (
        at(datetime.combine(day, time(0, 30), UTC)),
        at(datetime.combine(day, time(16, 30), UTC)),
    )
    later = published("deepseek", "deepseek-chat", None, early.until)
    assert later is not None
    assert later.since == early.until
    assert later.until is not None
    assert later.until > early.until
    assert later.card != early.card
    edges = (early.since - 1, early.since, early.until - 1, early.until)
    assert [early.holds(Instant(edge)) for edge in edges] == [False, True, True, False]


@pytest.mark.parametrize(
    ("provider", "model", "cost"),
    [
        pytest.param("openrouter", "openai/gpt-oss-20b:free", 0, id="said to be free"),
        pytest.param("cerebras", "qwen-3-coder-480b", None, id="price withdrawn"),
        pytest.param("openai", "tts-1", None, id="billed by the character"),
        pytest.param("mistral", "mistral-ocr-2512", None, id="billed by the page"),
    ],
)
def test_no_price_is_free_only_where_it_is_said_so(
    provider: str, model: str, cost: int | None
) -> None:
    """An entry without a price costs nothing when it is called free; else nobody prices it."""
    found = published(provider, model, None, at(MOMENTS[2]))
    assert found is not None
    card = found.card
    assert (price(Usage(input_tokens=5, output_tokens=5), card) if card else None) == cost


def test_a_request_fee_is_charged_once_per_call() -> None:
    """Perplexity's fee per request comes on top of the tokens, once."""
    found = published("perplexity", "sonar-pro", None, at(MOMENTS[2]))
    assert found is not None
    assert found.card is not None
    assert found.card.per_call == Decimal("0.014")
    assert found.card.rates == Rates(input=Decimal(3), output=Decimal(15))


def test_a_card_says_how_much_its_model_takes() -> None:
    """Hard holds need a bound for input that a request does not show."""
    priced = published("anthropic", "claude-3-haiku", None, Instant(0))
    assert priced is not None
    assert priced.card is not None
    assert priced.card.context_window == 200_000
