"""Results for people and for programs."""

import json
from decimal import Decimal

import pytest

from leash_addon.audit.report import Tally, as_json, table
from leash_addon.audit.result import Kind, Result
from leash_addon.core.money import ZERO, usd
from leash_addon.core.reading import Confidence
from leash_addon.core.usage import Leg, Usage

METERED = Result(
    id="a",
    place="f:1",
    provider="anthropic",
    format="anthropic.messages",
    kind=Kind.METERED,
    usage=Usage(
        input_tokens=1200,
        cache_read_tokens=1000,
        cache_write_tokens=0,
        output_tokens=80,
        server_tool_requests={"web_search": 2},
    ),
    model_reported="claude-sonnet-4-6",
    cost=usd("1.8342"),
    source="genai-prices 0.2.3",
)
FREE = Result(id="b", place="f:2", provider="openai", format="other", kind=Kind.FREE, source="free")
BLIND = Result(
    id="c",
    place="f:3",
    provider="openai",
    format="openai.chat",
    kind=Kind.BLIND,
    cost=None,
    confidence=Confidence.UNPRICED,
    source="blind",
    why="openai.chat stream without usage",
)
FOREIGN = Result(
    id="d", place="f:4", provider="example.com", format="other", kind=Kind.OTHER, source=""
)


def test_the_table_has_a_row_per_call() -> None:
    """Columns line up, what was not said is a dash, and what is not known a question mark."""
    # fmt: off
    assert list(table([METERED, FREE, BLIND, FOREIGN])) == [
        "CALL  PROVIDER   FORMAT              MODEL                IN  CACHED  WRITTEN  OUT  REASON  TOOLS   COST  SOURCE",  # noqa: E501
        "a     anthropic  anthropic.messages  claude-sonnet-4-6  1200    1000        0   80       -      2  $1.83  genai-prices 0.2.3",  # noqa: E501
        "b     openai     other               -                     -       -        -    -       -      -  $0.00  free",  # noqa: E501
        "c     openai     openai.chat         -                     -       -        -    -       -      -      ?  blind",  # noqa: E501
    ]
    # fmt: on


def test_a_recording_cannot_move_the_cursor() -> None:
    """Control characters in a recorded name are shown as question marks."""
    result = Result(
        id="x\x1b[2J",
        place="f:1",
        provider="p",
        format="other",
        kind=Kind.FREE,
        model_reported="m\r\n",
    )
    row = list(table([result]))[1]
    assert (row.startswith("x?[2J"), "m??" in row) == (True, True)


@pytest.mark.parametrize(
    ("results", "line"),
    [
        pytest.param([], "0 calls · 0 metered · $0.00", id="nothing"),
        pytest.param([METERED], "1 call · 1 metered · $1.8342", id="one"),
        pytest.param(
            [METERED, FREE, BLIND],
            "3 calls · 1 metered · 1 free · 1 blind (openai.chat stream without usage) · $1.8342",
            id="one of each",
        ),
        pytest.param(
            [FOREIGN, METERED],
            "1 call · 1 metered · $1.8342 · 1 not a provider's",
            id="a foreign exchange is no call",
        ),
    ],
)
def test_the_last_line_sums_up(results: list[Result], line: str) -> None:
    """Calls by kind, why the blind ones are blind, and the cost of all."""
    tally = Tally()
    for result in results:
        tally.add(result)
    assert tally.line() == line


def test_several_reasons_are_counted() -> None:
    """The commonest reasons of blind calls are named with their counts, the rest summed."""
    tally = Tally()
    for number, why in enumerate(["a", "b", "c", "d"], start=1):
        for _ in range(number):
            tally.add(
                Result(
                    id="x",
                    place="f",
                    provider="p",
                    format="other",
                    kind=Kind.BLIND,
                    cost=None,
                    why=why,
                )
            )
    assert tally.line() == "10 calls · 0 metered · 10 blind (4 d, 3 c, 2 b, 1 other) · $0.00"


def test_the_calls_of_a_websocket_count_one_by_one() -> None:
    """A connection of two calls is two rows and two calls, and its cost counts once."""
    whole = Result(
        id="ws",
        place="f:1",
        provider="openai",
        format="openai.realtime",
        kind=Kind.METERED,
        cost=usd("3"),
        calls=(
            Result(
                id="ws#1",
                place="f:1",
                provider="openai",
                format="openai.realtime",
                kind=Kind.METERED,
                cost=usd("1"),
            ),
            Result(
                id="ws#2",
                place="f:1",
                provider="openai",
                format="openai.realtime",
                kind=Kind.METERED,
                cost=usd("2"),
            ),
        ),
    )
    tally = Tally()
    tally.add(whole)
    assert [row.split()[0] for row in table([whole])] == ["CALL", "ws#1", "ws#2"]
    assert tally.line() == "2 calls · 2 metered · $3.0000"
    assert [call["id"] for call in json.loads(as_json(whole))["calls"]] == ["ws#1", "ws#2"]


def test_json_has_exactly_the_documented_fields() -> None:
    """Every field is there in every object; what nobody said is null, and costs are exact."""
    usage = Usage(
        input_tokens=1,
        output_tokens=0,
        provider_cost_usd=Decimal("0.00000034"),
        billable_legs=(
            Leg(model=None, kind="message", usage=Usage(input_tokens=1, output_tokens=2)),
        ),
    )
    result = Result(
        id="a",
        place="f:1",
        provider="xai",
        format="cohere.chat",
        kind=Kind.METERED,
        usage=usage,
        model_reported="m-1",
        model_priced="m",
        service_tier="flex",
        cost=usd("0.00000034"),
        confidence=Confidence.DERIVED,
        notes=("odd",),
    )
    assert json.loads(as_json(result), parse_float=Decimal) == {
        "id": "a",
        "format": "other",
        "provider": "xai",
        "billable": True,
        "usage": {
            "usage_present": True,
            "input_tokens": 1,
            "cache_read_tokens": None,
            "cache_write_tokens": None,
            "cache_write_5m_tokens": None,
            "cache_write_1h_tokens": None,
            "output_tokens": 0,
            "reasoning_tokens": None,
            "input_audio_tokens": None,
            "output_audio_tokens": None,
            "input_image_tokens": None,
            "output_image_tokens": None,
            "server_tool_requests": {},
            "billable_legs": [
                {
                    "kind": "message",
                    "model": "m-1",
                    "input_tokens": 1,
                    "cache_read_tokens": None,
                    "cache_write_tokens": None,
                    "output_tokens": 2,
                }
            ],
            "provider_cost_usd": Decimal("0.00000034"),
        },
        "model_reported": "m-1",
        "model_priced": "m",
        "service_tier": "flex",
        "cost_usd": "0.00000034",
        "confidence": "derived",
        "notes": ["odd"],
    }


def test_a_blind_call_has_no_cost_in_json() -> None:
    """Null, and never a zero; a free call is a zero and not billable."""
    blind, free = json.loads(as_json(BLIND)), json.loads(as_json(FREE))
    assert (blind["cost_usd"], blind["billable"]) == (None, True)
    assert (free["cost_usd"], free["billable"]) == ("0", False)
    assert FREE.cost == ZERO
