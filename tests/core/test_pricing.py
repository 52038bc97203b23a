"""What a call comes to: every token once, at its own rate, rounded up once."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.core.money import Pico
from leash_addon.core.pricing import (
    MOST_COST,
    MOST_TOKENS,
    RateCard,
    Rates,
    Unpriced,
    price,
    unpriced_tools,
)
from leash_addon.core.usage import Leg, Usage

D = Decimal
RATES = Rates(
    input=D(2),
    output=D(10),
    reasoning=D(20),
    cached_input=D("0.5"),
    cache_write=D(3),
    cache_write_5m=D(4),
    cache_write_1h=D(5),
    audio_input=D(7),
    audio_output=D(30),
    cached_audio_input=D(1),
    image_input=D(6),
    image_output=D(40),
    audio_hour=D("3.6"),
)
CARD = RateCard(table="t", name="m", rates=RATES, per_request={"web_search": D("0.01")})
PLAIN = RateCard(table="t", name="plain", rates=Rates(input=D(2), output=D(10)))
MICRO = 1_000_000
"""Picodollars in a token at a rate of one dollar per million."""


@pytest.mark.parametrize(
    ("usage", "dollars_per_million"),
    [
        pytest.param(Usage(input_tokens=3, output_tokens=1), 3 * 2 + 10, id="plain"),
        pytest.param(Usage(input_tokens=3), 6, id="input only"),
        pytest.param(Usage(output_tokens=3), 30, id="output only"),
        pytest.param(
            Usage(input_tokens=10, cache_read_tokens=4), 6 * 2 + 4 * D("0.5"), id="cache read"
        ),
        pytest.param(Usage(input_tokens=10, cache_write_tokens=4), 6 * 2 + 4 * 3, id="cache write"),
        pytest.param(
            Usage(
                input_tokens=10,
                cache_write_tokens=9,
                cache_write_5m_tokens=2,
                cache_write_1h_tokens=3,
            ),
            2 + 4 * 3 + 2 * 4 + 3 * 5,
            id="cache writes by their time to live",
        ),
        pytest.param(
            Usage(input_tokens=10, cache_write_5m_tokens=2, cache_write_1h_tokens=3),
            5 * 2 + 2 * 4 + 3 * 5,
            id="writes whose sum nobody said",
        ),
        pytest.param(Usage(output_tokens=10, reasoning_tokens=4), 6 * 10 + 80, id="reasoning"),
        pytest.param(
            Usage(input_tokens=10, input_audio_tokens=4, output_tokens=5, output_audio_tokens=2),
            6 * 2 + 4 * 7 + 3 * 10 + 2 * 30,
            id="audio",
        ),
        pytest.param(
            Usage(input_tokens=10, input_image_tokens=4, output_tokens=5, output_image_tokens=2),
            6 * 2 + 4 * 6 + 3 * 10 + 2 * 40,
            id="images",
        ),
        pytest.param(
            Usage(input_tokens=10, cache_read_tokens=6, input_audio_tokens=7),
            3 * 1 + 3 * D("0.5") + 4 * 7,
            id="three must be cached audio",
        ),
        pytest.param(Usage(input_tokens=3, cache_read_tokens=9), 3 * D("0.5"), id="cached > input"),
        pytest.param(Usage(cache_read_tokens=4), 4 * D("0.5"), id="parts without a total"),
        pytest.param(
            Usage(
                cache_read_tokens=1,
                cache_write_tokens=8,
                input_audio_tokens=2,
                input_image_tokens=4,
            ),
            D("0.5") + 8 * 3 + 2 * 7 + 4 * 6,
            id="all kinds of parts without a total",
        ),
        pytest.param(Usage(reasoning_tokens=4), 80, id="reasoning without a total"),
        pytest.param(Usage(output_tokens=3, reasoning_tokens=9), 60, id="reasoning > output"),
        pytest.param(Usage(input_tokens=0, output_tokens=0), 0, id="nothing used"),
        pytest.param(Usage(audio_seconds=D(1)), 1000, id="a second of audio"),
        pytest.param(
            Usage(input_tokens=1, server_tool_requests={"web_search": 2}), 2 + 20_000, id="searches"
        ),
        pytest.param(Usage(server_tool_requests={"web_search": 1}), 10_000, id="only a search"),
    ],
)
def test_every_token_is_charged_once_at_its_own_rate(
    usage: Usage, dollars_per_million: Decimal | int
) -> None:
    """Parts come out of their total first, and what is odd is clamped to it."""
    assert price(usage, CARD) == dollars_per_million * MICRO


PARTS = (
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "input_audio_tokens",
    "input_image_tokens",
)


@pytest.mark.parametrize("part", PARTS)
def test_a_part_without_a_rate_costs_what_its_total_costs(part: str) -> None:
    """A lacking rate falls back to the total's, never to zero."""
    parts: dict[str, Any] = {part: 7}
    assert price(Usage(input_tokens=10, **parts), PLAIN) == 20 * MICRO


@pytest.mark.parametrize(
    ("rates", "usage", "dollars_per_million"),
    [
        pytest.param(
            Rates(input=D(1), cache_write=D(3), cache_write_5m=D(4)),
            Usage(input_tokens=1, cache_write_tokens=1),
            3,
            id="a write of unknown length has its own rate",
        ),
        pytest.param(
            Rates(input=D(1), cache_write_5m=D(4)),
            Usage(input_tokens=1, cache_write_tokens=1),
            4,
            id="else the shortest",
        ),
        pytest.param(
            Rates(input=D(1), cache_write=D(3)),
            Usage(input_tokens=1, cache_write_1h_tokens=1),
            3,
            id="an hour without a rate",
        ),
        pytest.param(
            Rates(input=D(1), audio_input=D(9)),
            Usage(input_tokens=5, cache_read_tokens=5, input_audio_tokens=5),
            45,
            id="cached audio without any cache rate is audio",
        ),
        pytest.param(
            Rates(input=D(1), audio_input=D(9), cached_input=D("0.1")),
            Usage(input_tokens=5, cache_read_tokens=5, input_audio_tokens=5),
            D("0.5"),
            id="cached audio is cached",
        ),
    ],
)
def test_the_nearest_rate_stands_in(
    rates: Rates, usage: Usage, dollars_per_million: Decimal | int
) -> None:
    """Of several rates that could stand in, the one closest in kind does."""
    card = RateCard(table="t", name="m", rates=rates)
    assert price(usage, card) == dollars_per_million * MICRO


@pytest.mark.parametrize(
    ("usage", "card", "why"),
    [
        pytest.param(Usage(input_tokens=1), None, "no price for the model", id="no card"),
        pytest.param(
            Usage(input_tokens=1),
            replace(PLAIN, rates=Rates(output=D(1))),
            "no input price for plain",
            id="no input rate",
        ),
        pytest.param(
            Usage(output_tokens=1),
            replace(PLAIN, rates=Rates(input=D(1))),
            "no output price for plain",
            id="no output rate",
        ),
        pytest.param(Usage(), PLAIN, "no usage reported", id="nothing reported"),
        pytest.param(
            Usage(audio_seconds=D(3)), PLAIN, "no audio price for plain", id="audio by the hour"
        ),
        pytest.param(
            Usage(input_tokens=1, server_tool_requests={"web_fetch": 1, "shell": 2}),
            CARD,
            "no price for server tool requests: shell, web_fetch",
            id="tools",
        ),
        pytest.param(
            Usage(server_tool_requests={"web_search": 1}, billable_legs=()),
            None,
            "no price for the model",
            id="a tool without a card",
        ),
        *(
            pytest.param(usage, CARD, "the reported counts are not believable", id=f"absurd {i}")
            for i, usage in enumerate(
                (
                    Usage(input_tokens=MOST_TOKENS),
                    Usage(input_tokens=-1),
                    Usage(output_tokens=1, reasoning_tokens=-1),
                    Usage(server_tool_requests={"web_search": -1}),
                    Usage(input_tokens=1, server_tool_requests={"web_search": 10**40}),
                    Usage(audio_seconds=D("NaN")),
                    Usage(audio_seconds=D(-1)),
                    Usage(audio_seconds=D("1e30")),
                    Usage(billable_legs=(Leg(model=None, usage=Usage(input_tokens=10**99 + 1)),)),
                    Usage(output_tokens=MOST_TOKENS - 1),
                )
            )
        ),
    ],
)
def test_what_cannot_be_priced_is_not_free(usage: Usage, card: RateCard | None, why: str) -> None:
    """A missing rate, missing counts and absurd counts are told, never taken for zero."""
    assert price(usage, card) == Unpriced(why)


def test_a_cost_below_a_million_dollars_is_believed() -> None:
    """The bound on a call's cost is exclusive: one token less is still priced."""
    card = replace(PLAIN, rates=Rates(input=D(10**6 - 1), output=D(0)))
    most = int(MOST_COST) // ((10**6 - 1) * MICRO)
    costs = [price(Usage(input_tokens=n), card) for n in (most, most + 1)]
    assert [isinstance(cost, Unpriced) for cost in costs] == [False, True]
    million = replace(PLAIN, rates=Rates(input=D(10**6)))
    assert isinstance(price(Usage(input_tokens=10**6), million), Unpriced)


@pytest.mark.parametrize(
    ("count", "cost"),
    [
        (MOST_TOKENS - 1, 0),
        (MOST_TOKENS, Unpriced("the reported counts are not believable")),
    ],
    ids=["the most", "one more"],
)
def test_counts_below_the_bound_are_believed(count: int, cost: Pico | Unpriced) -> None:
    """The bound on tokens and on seconds is exclusive, also where they cost nothing."""
    card = replace(PLAIN, rates=Rates(input=D(0), audio_hour=D(0)))
    costs = [
        price(Usage(input_tokens=count), card),
        price(Usage(audio_seconds=D(count)), card),
    ]
    assert costs == [cost, cost]


def test_tokens_price_a_call_whose_seconds_have_no_rate() -> None:
    """Seconds beside priced tokens are an extra word, not a missing price."""
    usage = Usage(input_tokens=3, audio_seconds=D(9))
    assert price(usage, PLAIN) == 6 * MICRO


def test_short_audio_is_billed_at_its_least() -> None:
    """Where a provider bills ten seconds at least, three cost ten."""
    card = replace(CARD, least_audio_seconds=D(10))
    costs = [price(Usage(audio_seconds=D(s)), card) for s in (3, 10, 11)]
    assert costs == [10_000 * MICRO, 10_000 * MICRO, 11_000 * MICRO]


def test_a_remainder_of_a_picodollar_is_rounded_up() -> None:
    """A third of a picodollar is charged as one, once for the whole call."""
    card = replace(PLAIN, rates=Rates(audio_hour=D("0.000000001"), input=D("1e-7"), output=D(0)))
    costs = [
        price(Usage(audio_seconds=D(1)), card),
        price(Usage(input_tokens=1), card),
        price(Usage(input_tokens=11), card),
    ]
    assert costs == [1, 1, 2]


def test_a_fee_per_call_is_charged_once() -> None:
    """A fee comes on top, once, also for a call of several legs or without any count."""
    card = replace(PLAIN, per_call=D("0.5"))
    leg = Leg(model=None, usage=Usage(input_tokens=1))
    costs = [
        price(Usage(input_tokens=1), card),
        price(Usage(billable_legs=(leg, leg)), card),
        price(Usage(), card),
    ]
    half = 500_000 * MICRO
    assert costs == [half + 2 * MICRO, half + 4 * MICRO, half]


def test_legs_are_the_bill_each_by_its_own_model() -> None:
    """Where there are legs the top level is not charged, and a leg's model sets its price."""
    usage = Usage(
        input_tokens=999,
        output_tokens=999,
        billable_legs=(
            Leg(model=None, usage=Usage(input_tokens=1)),
            Leg(model="dear", usage=Usage(input_tokens=1)),
        ),
        server_tool_requests={"web_search": 1},
    )
    dear = replace(PLAIN, rates=Rates(input=D(100)))
    found = price(usage, CARD, lambda model: {"dear": dear}.get(model or ""))
    assert found == (2 + 100 + 10_000) * MICRO


def test_a_leg_that_nobody_prices_makes_the_call_unpriced() -> None:
    """One unknown leg is enough."""
    usage = Usage(billable_legs=(Leg(model="unheard-of", usage=Usage(input_tokens=1)),))
    assert price(usage, CARD, lambda _: None) == Unpriced("no price for the model")


@pytest.mark.parametrize(
    ("tokens", "rate"),
    [(0, 1), (200, 1), (201, 2), (400, 2), (401, 3), (10**6, 3)],
    ids=["none", "at the step", "above", "at the next", "above the next", "far above"],
)
def test_a_step_prices_the_whole_call_above_it(tokens: int, rate: int) -> None:
    """*More than* so many tokens take the next rates, for all of them and for the output too."""
    card = RateCard(
        table="t",
        name="m",
        rates=Rates(input=D(1), output=D(10)),
        steps=((200, Rates(input=D(2), output=D(20))), (400, Rates(input=D(3), output=D(30)))),
    )
    usage = Usage(input_tokens=tokens, output_tokens=1)
    assert price(usage, card) == (tokens * rate + 10 * rate) * MICRO


def test_only_tools_that_were_used_need_a_price() -> None:
    """A kind with a count of zero is not missed."""
    usage = Usage(server_tool_requests={"shell": 0, "web_search": 1, "x": 1})
    assert (unpriced_tools(usage, CARD), unpriced_tools(usage, None)) == (
        ("x",),
        ("web_search", "x"),
    )


COUNTS = st.none() | st.integers(min_value=0, max_value=10**7)
USAGES = st.builds(
    Usage,
    input_tokens=COUNTS,
    output_tokens=COUNTS,
    reasoning_tokens=COUNTS,
    output_audio_tokens=COUNTS,
    **dict.fromkeys(PARTS, COUNTS),
)
RATE = st.decimals(min_value=0, max_value=1000, places=6)
FALLING = st.builds(
    lambda base, share: (base, (base * share).quantize(D("1e-12"))),
    RATE,
    st.decimals(min_value=0, max_value=1, places=3),
)


@given(usage=USAGES, more=st.integers(min_value=0, max_value=10**6))
def test_cost_is_monotone_in_output(usage: Usage, more: int) -> None:
    """More output never makes a call cheaper."""
    known = replace(usage, output_tokens=usage.output_tokens or 0)
    assert monotone(known, replace(known, output_tokens=(known.output_tokens or 0) + more))


@given(usage=USAGES, more=st.integers(min_value=0, max_value=10**6))
def test_cost_is_monotone_in_input(usage: Usage, more: int) -> None:
    """More input never makes a call cheaper, whatever parts of it were reported."""
    known = replace(usage, input_tokens=usage.input_tokens or 0)
    assert monotone(known, replace(known, input_tokens=(known.input_tokens or 0) + more))


def monotone(less: Usage, more: Usage) -> bool:
    """Tell whether the larger usage costs at least as much."""
    smaller, larger = price(less, CARD), price(more, CARD)
    return isinstance(smaller, int) and isinstance(larger, int) and smaller <= larger


@given(usage=USAGES)
def test_no_token_is_charged_twice(usage: Usage) -> None:
    """With one rate for everything, a call costs exactly its totals."""
    card = replace(PLAIN, rates=Rates(input=D(1), output=D(1)))
    cost = price(usage, card)
    if usage.input_tokens is not None and usage.output_tokens is not None:
        assert cost == usage.total_tokens * MICRO


@given(usages=st.lists(USAGES, max_size=4), rates=FALLING)
def test_price_never_raises_and_never_goes_below_zero(
    usages: list[Usage], rates: tuple[Decimal, Decimal]
) -> None:
    """Any usage, with any legs, has a cost of zero or more, or is unpriced."""
    card = replace(PLAIN, rates=Rates(input=rates[0], output=rates[0], cached_input=rates[1]))
    legs = tuple(Leg(model=None, usage=usage) for usage in usages)
    cost = price(Usage(billable_legs=legs), card)
    assert isinstance(cost, Unpriced) or cost >= Pico(0)


def test_requests_that_are_said_twice_are_charged_once() -> None:
    """Searches counted as output items and again as a sum cost what the larger count costs."""
    dear = replace(CARD, per_request=dict.fromkeys(("web_search", "web_search_call:search"), D(1)))
    twice = Usage(server_tool_requests={"web_search_call:search": 2, "web_search": 3})
    assert price(twice, dear) == Pico(3 * 10**12)


@pytest.mark.parametrize(
    ("both", "cost"),
    [
        pytest.param(None, 10 * D("0.5") + 10 * 7 + 80 * 2, id="not stated: what would not fit"),
        pytest.param(4, 4 * 1 + 6 * D("0.5") + 6 * 7 + 84 * 2, id="stated"),
        pytest.param(50, 10 * 1 + 90 * 2, id="more than there is of either"),
    ],
)
def test_cached_audio_is_charged_once_at_a_rate_of_its_own(both: int | None, cost: Decimal) -> None:
    """Tokens that are both cached and audio leave both parts and take the rate for both."""
    usage = Usage(
        input_tokens=100, cache_read_tokens=10, input_audio_tokens=10, cached_audio_tokens=both
    )
    assert price(usage, CARD) == cost * MICRO


def test_a_model_billed_by_the_hour_alone_has_free_tokens() -> None:
    """Tokens that are reported beside the billed seconds have no price and need none."""
    card = RateCard(table="t", name="voice", rates=Rates(audio_hour=D("3.6")))
    usage = Usage(input_tokens=8, output_tokens=300, output_audio_tokens=280)
    assert price(replace(usage, audio_seconds=D(3)), card) == 3_000_000_000
    assert price(usage, card) == Unpriced("no input price for voice")
