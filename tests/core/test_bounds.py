"""Sizes of calls: what is held in each mode, and what output fits into what is left."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.core.ask import Ask, plain_cost
from leash_addon.core.balance import EMPTY, Balance
from leash_addon.core.bounds import (
    HIDDEN_INPUT,
    UNSEEN_INPUT,
    Size,
    fit_output,
    fit_tokens,
    most_input,
    size,
    upper_bound,
)
from leash_addon.core.decide import decide
from leash_addon.core.holds import HoldMode, Holds
from leash_addon.core.limits import Limits
from leash_addon.core.money import Instant, Pico, usd
from leash_addon.core.pricing import RateCard, Rates, Unpriced, price
from leash_addon.core.usage import Usage
from leash_addon.core.verdict import Allow, Effect, Reason, Trip

D = Decimal
NOW = Instant(0)
CARD = RateCard(table="t", name="m", rates=Rates(input=D(2), output=D(10)))
ASK = Ask(
    run="r",
    call="c",
    accounts=("run:r",),
    provider="p",
    format="f",
    model="m",
    input_tokens=100,
    input_bytes=400,
    max_output=1000,
    card=CARD,
)
HARD = Holds(mode=HoldMode.HARD)

given_amounts = st.decimals(0, 100, places=4, allow_nan=False, allow_infinity=False)
amounts = st.none() | given_amounts
PARTS = (
    "reasoning",
    "cached_input",
    "cache_write",
    "cache_write_5m",
    "cache_write_1h",
    "audio_input",
    "audio_output",
    "cached_audio_input",
    "image_input",
    "image_output",
)
prices = st.builds(
    Rates, input=given_amounts, output=given_amounts, **dict.fromkeys(PARTS, amounts)
)
cards = st.builds(
    RateCard,
    table=st.just("t"),
    name=st.just("m"),
    rates=prices,
    steps=st.lists(st.tuples(st.integers(0, 3000), prices), max_size=2).map(
        lambda steps: tuple(sorted(steps, key=lambda step: step[0]))
    ),
    per_call=st.decimals(0, 1, places=3, allow_nan=False, allow_infinity=False),
)
counts = st.integers(0, 3000)
COUNTS = (
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "input_image_tokens",
    "output_image_tokens",
)
usages = st.builds(
    Usage, input_tokens=counts, output_tokens=counts, **dict.fromkeys(COUNTS, st.none() | counts)
)


@given(cards, usages, st.integers(1, 4))
def test_no_usage_within_the_request_costs_more_than_the_bound(
    card: RateCard, usage: Usage, choices: int
) -> None:
    """However input and output divide into cached, audio and reasoning, the bound holds."""
    ask = replace(
        ASK,
        card=card,
        choices=choices,
        input_bytes=max(1, (usage.input_tokens or 0) - HIDDEN_INPUT),
        max_output=-(-(usage.output_tokens or 0) // choices) * choices,
    )
    cost = price(usage, card)
    assert not isinstance(cost, Unpriced)
    assert cost <= upper_bound(ask, HARD)


@pytest.mark.parametrize(
    ("rate", "usage"),
    [
        ("cached_input", Usage(input_tokens=9000, cache_read_tokens=9000)),
        ("cache_write", Usage(input_tokens=9000, cache_write_tokens=9000)),
        ("cache_write_5m", Usage(input_tokens=9000, cache_write_5m_tokens=9000)),
        ("cache_write_1h", Usage(input_tokens=9000, cache_write_1h_tokens=9000)),
        ("audio_input", Usage(input_tokens=9000, input_audio_tokens=9000)),
        ("image_input", Usage(input_tokens=9000, input_image_tokens=9000)),
        ("reasoning", Usage(output_tokens=9000, reasoning_tokens=9000)),
        ("audio_output", Usage(output_tokens=9000, output_audio_tokens=9000)),
        ("image_output", Usage(output_tokens=9000, output_image_tokens=9000)),
    ],
)
def test_the_bound_takes_the_dearest_rate(rate: str, usage: Usage) -> None:
    """A call all of whose tokens meet the one dear rate is within the bound."""
    card = RateCard(table="t", name="m", rates=Rates(input=D(1), output=D(1), **{rate: D(50)}))
    ask = replace(ASK, card=card, input_bytes=9000, max_output=9000)
    cost = price(usage, card)
    assert not isinstance(cost, Unpriced)
    assert 9000 * 50 * 10**6 == cost <= upper_bound(ask, HARD)


@given(cards, counts, counts)
def test_the_expected_cost_is_the_price(card: RateCard, tokens: int, output: int) -> None:
    """The short way at admission comes to exactly what the long one does."""
    usage = Usage(input_tokens=tokens, output_tokens=output)
    assert plain_cost(card, tokens, output) == price(usage, card)


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        pytest.param(Rates(output=D(1)), 0, id="no price for input"),
        pytest.param(Rates(input=D(1)), 100 * 10**6, id="no price for output"),
    ],
)
def test_a_missing_rate_leaves_what_can_be_priced(rates: Rates, expected: int) -> None:
    """Without an output price the input is expected; without an input price nothing is."""
    assert plain_cost(RateCard(table="t", name="m", rates=rates), 100, 100) == expected


@given(cards, st.integers(0, 10**13), st.integers(1, 4), st.none() | st.integers(0, 10_000))
def test_the_output_that_fits_is_the_most_that_fits(
    card: RateCard, left: int, choices: int, max_output: int | None
) -> None:
    """Lowered to what fits the bound is within what is left, and one token more is not."""
    ask = replace(
        ASK,
        card=card,
        choices=choices,
        max_output=None if max_output is None else max_output * choices,
    )
    fits = fit_output(Pico(left), ask, HARD)
    asked = HARD.max_output if max_output is None else max_output
    bounds = [
        upper_bound(replace(ask, max_output=tokens * choices), HARD) for tokens in (fits, fits + 1)
    ]
    assert 0 <= fits <= asked
    assert fits == 0 or bounds[0] <= left
    assert fits == asked or bounds[1] > left


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        pytest.param(ASK, 400 + HIDDEN_INPUT, id="bytes of the body"),
        pytest.param(replace(ASK, input_bytes=0), 400 + HIDDEN_INPUT, id="from the estimate"),
        pytest.param(replace(ASK, unseen=True), UNSEEN_INPUT, id="unseen"),
        pytest.param(replace(ASK, unseen=True, context_window=8192), 8192, id="context known"),
        pytest.param(
            replace(ASK, unseen=True, input_bytes=300_000),
            300_000 + HIDDEN_INPUT,
            id="more shown than a context holds",
        ),
    ],
)
def test_the_most_input_is_what_the_body_shows_or_the_context_holds(
    ask: Ask, expected: int
) -> None:
    """Bytes bound tokens; input that the body only names is bounded by the model."""
    assert most_input(ask) == expected


@pytest.mark.parametrize(
    ("ask", "output"),
    [
        pytest.param(ASK, 1000, id="its own limit"),
        pytest.param(replace(ASK, max_output=3000, choices=3), 3000, id="of all choices"),
        pytest.param(replace(ASK, max_output=None), 128_000, id="none stated"),
        pytest.param(replace(ASK, max_output=None, choices=2), 256_000, id="none, two choices"),
        pytest.param(replace(ASK, max_output=None, context_window=8192), 8192, id="context known"),
    ],
)
def test_the_bound_takes_the_output_that_is_allowed(ask: Ask, output: int) -> None:
    """The hard hold is bytes at the input price and allowed output at the output price."""
    assert upper_bound(ask, HARD) == ((400 + HIDDEN_INPUT) * 2 + output * 10) * 10**6


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        pytest.param(
            "expected",
            Size(
                hold=Pico(10_200_000_000),
                estimate=Pico(10_200_000_000),
                hold_tokens=1100,
                tokens=1100,
            ),
            id="expected",
        ),
        pytest.param(
            "hard",
            Size(
                hold=Pico(12_848_000_000),
                estimate=Pico(10_200_000_000),
                hold_tokens=2424,
                tokens=1100,
            ),
            id="hard",
        ),
        pytest.param(
            "settled",
            Size(hold=Pico(0), estimate=Pico(10_200_000_000), hold_tokens=0, tokens=1100),
            id="settled",
        ),
    ],
)
def test_a_mode_decides_what_is_held(mode: str, expected: Size) -> None:
    """Expected holds what is usual, hard the most there can be, settled nothing."""
    assert size(ASK, EMPTY, Holds(mode=HoldMode(mode))) == expected


def test_a_call_without_a_price_holds_nothing() -> None:
    """What nobody prices has no bound in money; tokens are held all the same."""
    sized = size(replace(ASK, card=None), EMPTY, HARD)
    assert (sized.hold, sized.hold_tokens) == (0, 2424)


def test_tokens_that_fit_leave_room_for_the_input() -> None:
    """Output may use what the input leaves of a cap on tokens, for each choice."""
    ask = replace(ASK, choices=2, max_output=2000)
    found = [fit_tokens(left, ask, HARD) for left in (0, 1424, 1524, 10**6)]
    assert found == [0, 0, 50, 1000]


BUDGET = Limits(max_cost=usd("0.02"))
STOP, PASSING = Effect.STOP, Effect.PASSING


@pytest.mark.parametrize(
    ("mode", "balance", "expected"),
    [
        pytest.param("hard", Balance(), None, id="it fits"),
        pytest.param("hard", Balance(spent=usd("0.01")), (Reason.COST_BUDGET, STOP), id="alone"),
        pytest.param("expected", Balance(spent=usd("0.01")), None, id="alone, expected"),
        pytest.param(
            "hard",
            Balance(held=usd("0.01"), open_calls=1),
            (Reason.HELD, PASSING),
            id="beside an open call",
        ),
        pytest.param(
            "settled", Balance(held=usd("0.01"), open_calls=1), None, id="settled, beside one"
        ),
        pytest.param("settled", Balance(spent=usd("0.02")), (Reason.COST_BUDGET, STOP), id="spent"),
        pytest.param("hard", Balance(spent=usd("0.02")), (Reason.COST_BUDGET, STOP), id="hard"),
    ],
)
def test_the_budget_of_a_run_follows_the_mode(
    mode: str, balance: Balance, expected: tuple[Reason, Effect] | None
) -> None:
    """Hard stops a run whose next call cannot fit; beside open calls it waits."""
    stand = Balance(
        spent=balance.spent, held=balance.held, open_calls=balance.open_calls, limits=BUDGET
    )
    verdict = decide(ASK, stand, NOW, Holds(mode=HoldMode(mode)))
    found = (verdict.reason, verdict.effect) if isinstance(verdict, Trip) else None
    assert found == expected


def test_settled_still_refuses_a_call_that_is_too_dear() -> None:
    """Without holds the cost limit of a single call looks at what it will probably cost."""
    stand = Balance(limits=Limits(max_cost_per_call=usd("0.01")))
    verdict = decide(ASK, stand, NOW, Holds(mode=HoldMode.SETTLED))
    assert isinstance(verdict, Trip)
    assert verdict.reason is Reason.CALL_COST


def test_settled_books_an_estimate_where_nobody_reports() -> None:
    """A call that holds nothing still says what it counts as when its end is never heard."""
    verdict = decide(ASK, EMPTY, NOW, Holds(mode=HoldMode.SETTLED))
    assert verdict == Allow(hold=Pico(0), estimate=Pico(10_200_000_000))
