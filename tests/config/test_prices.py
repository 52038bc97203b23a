"""Looking rate cards up: the user's table in front of the published one, each name once."""

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from leash_addon.config import prices as module
from leash_addon.config.price_names import MOST_CHARS
from leash_addon.config.prices import MOST_REMEMBERED, Prices, load_prices
from leash_addon.config.published import published, table_name
from leash_addon.core.money import Instant
from leash_addon.core.pricing import Unpriced, price
from leash_addon.core.usage import Usage

NOW = Instant(int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()) * 1_000_000)


@pytest.fixture
def prices(tmp_path: Path) -> Prices:
    """Load a table that prices one model of the published ones, and a pattern of local ones."""
    path = tmp_path / "mine.json"
    path.write_text('{"gpt-4o": {"input": 7, "output": 9}, "qwen3*": {"input": 0, "output": 0}}')
    return load_prices(path)


@pytest.mark.parametrize(
    ("provider", "reported", "requested", "found"),
    [
        pytest.param("openai", "gpt-4o", None, ("mine.json", "gpt-4o"), id="the user's"),
        pytest.param(
            "openai", "gpt-4o-2024-08-06", "gpt-4o", ("mine.json", "gpt-4o"), id="by the asked name"
        ),
        pytest.param("ollama", "qwen3:8b", None, ("mine.json", "qwen3:8b"), id="by a pattern"),
        pytest.param("openai", "gpt-5", None, (table_name(), "gpt-5"), id="published"),
        pytest.param(
            "azure",
            "gpt-5-2025-08-07",
            "my-deployment",
            (table_name(), "gpt-5-2025-08-07"),
            id="as reported",
        ),
        pytest.param("azure", None, "gpt-5", (table_name(), "gpt-5"), id="as asked"),
        pytest.param(
            "gemini", "models/gemini-2.5-pro", None, (table_name(), "gemini-2.5-pro"), id="stripped"
        ),
        pytest.param(
            "vertex",
            "claude-sonnet-4-5@20250929",
            None,
            (table_name(), "claude-sonnet-4-5@20250929"),
            id="resold by another",
        ),
        pytest.param(
            "bedrock",
            None,
            "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-5-20250929-v1:0",
            (table_name(), "anthropic.claude-sonnet-4-5-20250929-v1:0"),
            id="Bedrock ARN",
        ),
        pytest.param(
            "xai", "grok-4.3", None, (table_name(), "grok-4.3"), id="another name of ours"
        ),
    ],
)
def test_a_card_says_which_table_and_which_name_found_it(
    prices: Prices,
    provider: str,
    reported: str | None,
    requested: str | None,
    found: tuple[str, str],
) -> None:
    """The user's table comes first for every name; the names come in their order."""
    card = prices.find(provider, reported, requested=requested, at=NOW)
    assert card is not None
    assert (card.table, card.name) == found


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        pytest.param("openai", "no-such-model", id="unknown model"),
        pytest.param("nobody", "gpt-5", id="unknown provider"),
        pytest.param("my-openai-proxy", "gpt-5", id="a provider that only resembles one"),
        pytest.param("openai", None, id="no model"),
        pytest.param("openai", "gpt-5" + "x" * 600, id="an endless name"),
    ],
)
def test_what_nobody_prices_has_no_card(provider: str, model: str | None) -> None:
    """There is no guess: no card, and so no price."""
    card = load_prices().find(provider, model, at=NOW)
    assert price(Usage(input_tokens=1), card) == Unpriced("no price for the model")


@pytest.mark.parametrize(
    ("tier", "rate", "name"),
    [
        pytest.param(None, "1.25", "gpt-5", id="none said"),
        pytest.param("default", "1.25", "gpt-5", id="standard"),
        pytest.param("flex", "0.625", "gpt-5 [flex]", id="flex"),
        pytest.param("batch", "0.625", "gpt-5 [batch]", id="batch"),
        pytest.param("priority", "2.5", "gpt-5 [priority]", id="priority"),
        pytest.param("ON_DEMAND_FLEX", "0.625", "gpt-5 [ON_DEMAND_FLEX]", id="Gemini's word"),
        pytest.param("scale", "1.25", "gpt-5", id="no price of its own"),
    ],
)
def test_a_service_tier_has_its_own_price_and_shows_in_the_name(
    tier: str | None, rate: str, name: str
) -> None:
    """A tier that has no price of its own is priced at the list price, under the plain name."""
    card = load_prices().find("openai", "gpt-5", tier=tier, at=NOW)
    assert card is not None
    assert (card.rates.input, card.name) == (Decimal(rate), name)


def test_a_tier_is_its_own_providers(prices: Prices) -> None:
    """Where one provider sells another's model, the tiers of the other do not count."""
    found = [
        (card.name, card.rates.input)
        for provider in ("azure", "openai")
        if (card := prices.find(provider, "gpt-5", tier="priority", at=NOW))
    ]
    assert found == [("gpt-5", Decimal("1.25")), ("gpt-5 [priority]", Decimal("2.5"))]


def test_anthropics_fast_mode_costs_more() -> None:
    """Fast mode is passed on as what genai-prices calls it."""
    usual, fast = (
        load_prices().find("anthropic", "claude-fable-5-2", tier=tier, at=NOW)
        for tier in ("standard", "fast")
    )
    assert usual is not None
    assert fast is not None
    assert (usual.rates.input, fast.rates.input) == (Decimal(8), Decimal(16))


def test_a_free_tool_is_not_unpriced() -> None:
    """Anthropic's web fetch has no charge of its own, its web search has."""
    card = load_prices().find("anthropic", "claude-sonnet-4-5", at=NOW)
    usage = Usage(input_tokens=0, server_tool_requests={"web_fetch": 3, "web_search": 2})
    assert price(usage, card) == 20_000_000_000


def test_a_repeated_lookup_does_not_ask_again(
    prices: Prices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hits and misses are remembered: genai-prices is asked once for each."""
    asked: list[str] = []

    def counting(provider: str, name: str, tier: str | None, at: Instant) -> object:
        asked.append(name)
        return published(provider, name, tier, at)

    monkeypatch.setattr(module, "published", counting)
    for _ in range(3):
        prices.find("openai", "gpt-5", at=NOW)
        prices.find("openai", "unheard-of", at=NOW)
    assert asked == ["gpt-5", "unheard-of"]


def test_a_price_that_changes_by_the_clock_is_looked_up_again(prices: Prices) -> None:
    """DeepSeek's peak hours end while the proxy runs, and so does their price; and back."""
    day = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())
    rates = [
        card.rates.input
        for hour in (2, 5, 2)
        if (
            card := prices.find(
                "deepseek", "deepseek-v4-pro", at=Instant((day + hour * 3600) * 10**6)
            )
        )
    ]
    assert rates[0] == rates[2] != rates[1]


def test_the_memory_of_lookups_is_bounded(prices: Prices) -> None:
    """A client that makes up model names cannot fill the memory."""
    for number in range(MOST_REMEMBERED + 10):
        prices.find("ollama", f"made-up-{number}", at=NOW)
    assert len(prices._found) == MOST_REMEMBERED


def test_the_longest_name_is_still_a_name(prices: Prices) -> None:
    """A name of exactly the greatest length is looked up, one more letter is not a name."""
    longest = "qwen3".ljust(MOST_CHARS, "x")
    found = [prices.find("ollama", name, at=NOW) is not None for name in (longest, longest + "x")]
    assert found == [True, False]


def test_the_start_line_names_the_tables(prices: Prices) -> None:
    """The user's file comes first, where there is one."""
    assert [prices.describe(), load_prices().describe()] == [
        f"mine.json + {table_name()}",
        table_name(),
    ]


def test_loading_leaves_no_import_to_the_first_call() -> None:
    """genai-prices is imported once the tables are loaded, and not when the module is."""
    script = (
        "import sys; from leash_addon.config.prices import load_prices; "
        "before = 'genai_prices' in sys.modules; load_prices(); "
        "print(before, 'genai_prices.data' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    assert found.stdout.decode().strip() == "False True"
