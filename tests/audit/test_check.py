"""Agreement with a truth file."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from leash_addon.audit.check import Check
from leash_addon.audit.result import Kind, Result
from leash_addon.audit.truth import read_truth
from leash_addon.core.money import ZERO, Pico, usd
from leash_addon.core.usage import Usage
from leash_addon.errors import UsageError

type Write = Callable[..., Path]

COUNTS = {"usage_present": True, "input_tokens": 10, "output_tokens": 5, "server_tool_requests": {}}
NOTHING = {"usage_present": False, "server_tool_requests": {}}
COUNT_ONLY = NOTHING | {"notes": ["COUNT_ONLY_not_billable"]}


def _truth(**changes: object) -> dict[str, object]:
    return {"id": "a", "format": "openai.chat", "normalised": COUNTS, **changes}


def _result(
    *,
    kind: Kind = Kind.METERED,
    tokens: tuple[int, int] | None = (10, 5),
    name: str = "openai.chat",
    listed: Pico | None = None,
    own: str | None = None,
    cost: Pico | None = ZERO,
) -> Result:
    usage = None
    if tokens is not None:
        stated = None if own is None else Decimal(own)
        usage = Usage(input_tokens=tokens[0], output_tokens=tokens[1], provider_cost_usd=stated)
    return Result(
        id="a",
        place="f:1",
        provider="p",
        format=name,
        kind=kind,
        usage=usage,
        listed=listed,
        cost=cost,
    )


@pytest.fixture
def check(write: Write) -> Callable[..., Check]:
    """Make a check over one truth."""

    def make(**changes: object) -> Check:
        return Check(read_truth(write([_truth(**changes)], "truth.jsonl")))

    return make


def test_equal_fields_agree(check: Callable[..., Check]) -> None:
    """A result with the truth's counts is right, for its format and for all."""
    it = check()
    assert it.add(_result()) == []
    assert list(it.lines())[:3] == [
        "FORMAT                EXCHANGES    PRESENT  WITH USAGE     FIELDS",
        "openai.chat                   1   100.00 %           1   100.00 %",
        "all                           1   100.00 %           1   100.00 %",
    ]


@pytest.mark.parametrize(
    ("result", "lines"),
    [
        pytest.param(_result(tokens=(11, 5)), ["a: input_tokens: 11, not 10"], id="a count"),
        pytest.param(_result(tokens=None), ["a: usage missed"], id="no usage"),
        pytest.param(
            _result(name="azure.chat"), ["a: format: azure.chat, not openai.chat"], id="the format"
        ),
    ],
)
def test_what_differs_is_named(
    result: Result, lines: list[str], check: Callable[..., Check]
) -> None:
    """Each difference is a line with the id, what was read and what is true."""
    assert check().add(result)[: len(lines)] == lines


def test_null_is_not_zero(check: Callable[..., Check]) -> None:
    """A count that the provider did not give is no zero."""
    it = check(normalised=COUNTS | {"reasoning_tokens": 0})
    assert it.add(_result()) == ["a: reasoning_tokens: None, not 0"]


@pytest.mark.parametrize(
    ("result", "reaches"),
    [
        pytest.param(_result(kind=Kind.FREE, tokens=None), True, id="metered as nothing"),
        pytest.param(_result(), False, id="metered as a call"),
        pytest.param(_result(kind=Kind.BLIND, tokens=None), False, id="blind is billable"),
    ],
)
def test_a_token_count_has_to_be_nothing(
    result: Result, reaches: bool, check: Callable[..., Check]
) -> None:
    """A token count that is metered as anything fails the whole check."""
    it = check(normalised=COUNT_ONLY)
    it.add(result)
    assert it.reaches(Decimal("99.5")) is reaches


@pytest.mark.parametrize(
    "apart",
    [
        pytest.param({"normalised": COUNTS | {"notes": ["AMBIGUOUS cached"]}}, id="ambiguous"),
        pytest.param({"fidelity": "handwritten?"}, id="looks invented"),
    ],
)
def test_what_the_wire_does_not_decide_is_scored_apart(
    apart: dict[str, object], check: Callable[..., Check]
) -> None:
    """A wrong answer to an undecidable question does not count against the meter."""
    it = check(**apart)
    it.add(_result(tokens=(1, 1)))
    assert (it.scores, it.reaches(Decimal(100))) == ({}, True)


def test_the_expected_of_a_variant_is_a_truth(check: Callable[..., Check]) -> None:
    """A file of variants holds its own truth, beside the records."""
    assert check(normalised=None, expected=COUNTS).add(_result()) == []


@pytest.mark.parametrize(
    ("listed", "right"),
    [
        pytest.param(usd("0.0100"), 1, id="the same"),
        pytest.param(usd("0.01009"), 1, id="within a percent"),
        pytest.param(usd("0.0103"), 0, id="beyond"),
    ],
)
def test_our_table_is_held_against_the_providers_own_cost(
    listed: Pico, right: int, check: Callable[..., Check]
) -> None:
    """What is booked is the provider's cost; what our table says is compared beside it."""
    it = check(normalised=COUNTS | {"provider_cost_usd": 0.01})
    it.add(_result(listed=listed, own="0.01", cost=usd("0.01")))
    counts = it.counts
    assert (counts["own_cost"], counts["own_cost right"]) == (1, 1)
    assert (counts["own_cost_listed"], counts["own_cost_listed right"]) == (1, right)


def test_a_second_opinion_counts_where_its_usage_agrees(check: Callable[..., Check]) -> None:
    """A price that was formed over another usage is no measure."""
    opinion = {"usage": {}, "price": {"total_usd": "0.0100"}}
    agreeing, differing = (
        check(genai_prices=opinion, disagreements=found) for found in ([], [{"field": "x"}])
    )
    for it in (agreeing, differing):
        it.add(_result(listed=usd("0.01")))
    assert (agreeing.counts["second_price right"], differing.counts["second_price"]) == (1, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("{", "truth.jsonl:1: Input data was truncated", id="not JSON"),
        pytest.param('{"format": "x"}', "missing required field `id`", id="no id"),
        pytest.param('{"id": "a"}', "truth.jsonl:1: has neither normalised nor", id="no truth"),
    ],
)
def test_a_bad_truth_is_named(text: str, said: str, tmp_path: Path) -> None:
    """A truth that cannot be read ends the check with file and line."""
    path = tmp_path / "truth.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_truth(path)
    assert said in str(caught.value)


def test_a_missing_truth_is_named(tmp_path: Path) -> None:
    """A truth file that is not there ends the check with its name."""
    with pytest.raises(UsageError) as caught:
        read_truth(tmp_path / "none.jsonl")
    assert str(caught.value).endswith("none.jsonl: cannot be read (No such file or directory)")


def test_the_shares_come_as_json_numbers(check: Callable[..., Check]) -> None:
    """Programs get the same figures as people."""
    it = check()
    it.add(_result())
    formats = it.as_dict()["formats"]
    assert json.loads(json.dumps(formats, default=float)) == {
        name: {
            "exchanges": 1,
            "usage_present_percent": 100.0,
            "with_usage": 1,
            "fields_percent": 100.0,
        }
        for name in ("all", "openai.chat")
    }
