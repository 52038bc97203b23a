"""The user's price table."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from leash_addon.config import price_file
from leash_addon.config.price_file import read_price_file
from leash_addon.core.pricing import Rates, price
from leash_addon.core.usage import Usage
from leash_addon.errors import UsageError

JSON = """{"gpt-4o": {"input": 2.5, "output": 10, "reasoning": 0, "cached_input": 1.25,
  "web_search_per_request": 0.01, "per_call": 0.0001}}"""
TOML = """
["gpt-4o"]
input = 2.5
output = 10
reasoning = 0
cached_input = 1.25
web_search_per_request = 0.01
per_call = 0.0001
"""


def write(folder: Path, text: str, name: str = "prices.json") -> Path:
    """Write a table."""
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("p.json", JSON, id="JSON"),
        pytest.param("p.toml", TOML, id="TOML"),
        pytest.param("prices", JSON, id="JSON without a suffix"),
        pytest.param("prices.txt", TOML, id="TOML by its look"),
        pytest.param("bom.json", "\ufeff" + JSON, id="JSON with a byte-order mark"),
    ],
)
def test_json_and_toml_say_the_same(tmp_path: Path, name: str, text: str) -> None:
    """Either form yields the same exact rates; a reasoning price of 0 is the output price."""
    card = read_price_file(write(tmp_path, text, name)).find(("gpt-4o",))
    assert card is not None
    assert card.rates == Rates(
        input=Decimal("2.5"), output=Decimal(10), cached_input=Decimal("1.25")
    )
    assert (card.table, card.name) == (name, "gpt-4o")
    assert card.per_request["web_search"] == card.per_request["web_search_calls"] == Decimal("0.01")
    assert card.per_call == Decimal("0.0001")


def test_no_digit_is_lost(tmp_path: Path) -> None:
    """A rate with 18 decimals costs what its digits say; a float would not."""
    table = read_price_file(write(tmp_path, '{"m": {"input": 0.100000000000000001}}'))
    card = table.find(("m",))
    assert card is not None
    assert card.rates.input == Decimal("0.100000000000000001")
    assert price(Usage(input_tokens=10**7), card) == 10**12 + 1  # rounded up, once


def test_an_exact_name_wins_over_patterns_and_the_longest_literal_over_shorter(
    tmp_path: Path,
) -> None:
    """Precedence does not depend on the order in the file."""
    table = read_price_file(
        write(
            tmp_path,
            json.dumps(
                {
                    "*": {"input": 1},
                    "gpt-*": {"input": 2},
                    "gpt-4*": {"input": 3},
                    "gpt-4o": {"input": 4},
                    "[c]laude-?": {"input": 5},
                }
            ),
        )
    )
    found = [
        card.rates.input
        for name in ("gpt-4o", "gpt-4o-mini", "gpt-3", "llama", "claude-3")
        if (card := table.find((name,)))
    ]
    assert found == [Decimal(n) for n in (4, 3, 2, 1, 5)]


def test_an_exact_later_name_wins_over_a_pattern_for_an_earlier_one(tmp_path: Path) -> None:
    """All names are tried exactly before any pattern is."""
    table = read_price_file(write(tmp_path, '{"*": {"input": 1}, "asked": {"input": 2}}'))
    card = table.find(("reported", "asked"))
    assert card is not None
    assert card.name == "asked"


def test_a_pattern_says_which_name_it_priced(tmp_path: Path) -> None:
    """The card names the model, not the pattern."""
    card = read_price_file(write(tmp_path, '{"qwen*": {"input": 1}}')).find(("qwen3",))
    assert card is not None
    assert card.name == "qwen3"


def test_a_tier_prices_the_whole_call_and_inherits_the_rest(tmp_path: Path) -> None:
    """Above the step every token costs the step's rate; what it does not name stays."""
    table = read_price_file(
        write(
            tmp_path,
            '["m"]\ninput = 1\noutput = 3\ntiers = [{above = 300, input = 4}, '
            "{above = 200, input = 2}]",
            "p.toml",
        )
    )
    card = table.find(("m",))
    costs = [price(Usage(input_tokens=n, output_tokens=1), card) for n in (200, 201, 300, 301)]
    assert costs == [203_000_000, 405_000_000, 603_000_000, 1_207_000_000]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("{", "not JSON", id="not JSON"),
        pytest.param("[]", "no prices", id="a list"),
        pytest.param("{}", "no prices", id="empty"),
        pytest.param('{"m": {}}', "'m': no prices", id="empty entry"),
        pytest.param('{"m": 3}', "'m': no prices", id="a number for an entry"),
        pytest.param('{"m": {"inptu": 1}}', "inptu: unknown key; did you mean 'input'?", id="typo"),
        pytest.param('{"m": {"zzz": 1}}', "zzz: unknown key; known are input", id="unknown"),
        pytest.param('{"m": {"input": -1}}', "'m': input: -1 is not an amount", id="negative"),
        pytest.param('{"m": {"input": true}}', "input: True is not a number", id="bool"),
        pytest.param('{"m": {"input": "2.5"}}', "input: '2.5' is not a number", id="string"),
        pytest.param('{"m": {"input": null}}', "input: None is not a number", id="null"),
        pytest.param('{"m": {"input": NaN}}', "input: NaN is not an amount", id="NaN"),
        pytest.param('{"m": {"input": Infinity}}', "Infinity is not an amount", id="infinite"),
        pytest.param('{"m": {"input": 1e400}}', "is not an amount", id="huge"),
        pytest.param('{"m": {"input": 1000000}}', "to under 1000000 dollars", id="a million"),
        pytest.param('{"m": {"input": 1e-30}}', "more than 18 decimals", id="too fine"),
        pytest.param('{"m": {"input": 1, "input": 2}}', "'input' stands twice", id="twice"),
        pytest.param('{"m": {"input": 1, "tiers": 5}}', "tiers: a list is needed", id="tiers"),
        pytest.param('{"m": {"tiers": [{"input": 1}]}}', "each needs above", id="no above"),
        pytest.param('{"m": {"tiers": [{"above": -1}]}}', "each needs above", id="above below 0"),
        pytest.param(
            '{"m": {"tiers": [{"above": 1, "oops": 1}]}}', "tier above 1: oops", id="tier key"
        ),
        pytest.param(
            '{"m": {"tiers": [{"above": 1}, {"above": 1}]}}', "the same above", id="same above"
        ),
    ],
)
def test_a_bad_table_is_rejected_by_file_model_and_key(
    tmp_path: Path, text: str, complaint: str
) -> None:
    """The message names the place and the mend."""
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_price_file(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)


def test_a_tier_may_begin_above_nothing(tmp_path: Path) -> None:
    """``above = 0`` prices every call that has input."""
    table = read_price_file(
        write(tmp_path, '{"m": {"input": 1, "tiers": [{"above": 0, "input": 2}]}}')
    )
    costs = [price(Usage(input_tokens=n), table.find(("m",))) for n in (0, 1)]
    assert costs == [0, 2_000_000]


def test_a_table_has_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of that size is read, one byte more is not."""
    path = write(tmp_path, JSON)
    monkeypatch.setattr(price_file, "MOST_BYTES", len(JSON))
    assert read_price_file(path).name == "prices.json"
    monkeypatch.setattr(price_file, "MOST_BYTES", len(JSON) - 1)
    with pytest.raises(UsageError, match="larger than"):
        read_price_file(path)


def test_an_unquoted_dotted_name_is_explained(tmp_path: Path) -> None:
    """TOML reads [gpt-4.1] as a table in a table; the message says to quote it."""
    path = write(tmp_path, "[gpt-4.1]\ninput = 2", "p.toml")
    with pytest.raises(UsageError, match=r'quote a name with dots: \["gpt-4\.1"\]'):
        read_price_file(path)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        pytest.param(lambda path: None, "No such file", id="missing"),  # noqa: ARG005
        pytest.param(lambda path: path.mkdir(), "Is a directory", id="a folder"),
        pytest.param(lambda path: path.write_bytes(b"\xff\xfe{"), "not UTF-8", id="not text"),
        pytest.param(lambda path: path.write_text("a = = 1"), "not TOML", id="not TOML"),
        pytest.param(lambda path: path.write_text("[" * 100_000), "not TOML", id="deep"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, make: object, complaint: str) -> None:
    """No traceback: the file and what is wrong with it."""
    path = tmp_path / "p.toml"
    assert callable(make)
    make(path)
    with pytest.raises(UsageError, match=complaint):
        read_price_file(path)
