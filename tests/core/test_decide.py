"""One call against one balance: which trip wins, and what is held."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from leash_addon.core.ask import USUAL_OUTPUT, Ask, OnBlind, expected_hold
from leash_addon.core.balance import Balance
from leash_addon.core.decide import decide
from leash_addon.core.journal import Tokens
from leash_addon.core.limits import Limits
from leash_addon.core.money import SECOND, ZERO, Instant, Pico, usd
from leash_addon.core.pricing import RateCard, Rates
from leash_addon.core.verdict import Effect, Reason, Trip

NOW = Instant(1_700_000_000 * SECOND)
CARD = RateCard(table="t", name="m", rates=Rates(input=Decimal(1), output=Decimal(2)))
ASK = Ask(
    run="r",
    call="c",
    accounts=("r",),
    provider="openai",
    format="openai.chat",
    model="m",
    input_tokens=100,
    card=CARD,
)
BUDGET = Limits(max_cost=usd("5"))
STOP, REFUSE, PASSING = Effect.STOP, Effect.REFUSE, Effect.PASSING


def verdict(ask: Ask, balance: Balance) -> tuple[Reason, Effect] | Pico:
    """Return the trip's reason and effect, or the money held."""
    found = decide(ask, balance, NOW)
    return (found.reason, found.effect) if isinstance(found, Trip) else found.hold


@pytest.mark.parametrize(
    ("balance", "expected"),
    [
        pytest.param(
            Balance(
                limits=Limits(max_calls=1, max_inflight=1, max_cost_per_call=Pico(1)),
                calls=1,
                open_calls=1,
            ),
            (Reason.CALL_BUDGET, STOP),
            id="a stop before a refusal before a wait",
        ),
        pytest.param(
            Balance(limits=Limits(max_inflight=1, max_cost_per_call=Pico(1)), open_calls=1),
            (Reason.CALL_COST, REFUSE),
            id="a refusal before a wait",
        ),
        pytest.param(
            Balance(
                limits=Limits(max_cost=Pico(2), max_cost_per_call=Pico(1)),
                held=Pico(2),
                open_calls=1,
            ),
            (Reason.CALL_COST, REFUSE),
            id="a refusal before a wait that stands before it",
        ),
        pytest.param(
            Balance(limits=Limits(max_cost=Pico(1), max_calls=1), calls=1, spent=Pico(1)),
            (Reason.COST_BUDGET, STOP),
            id="among stops the fixed order",
        ),
        pytest.param(
            Balance(
                limits=Limits(max_calls=1, max_cost=Pico(1)),
                calls=1,
                spent=Pico(1),
                stopped=Reason.CALL_BUDGET,
            ),
            (Reason.CALL_BUDGET, STOP),
            id="the first reason stays",
        ),
        pytest.param(
            Balance(limits=Limits(max_cost=Pico(2), max_inflight=1), held=Pico(2), open_calls=1),
            (Reason.HELD, PASSING),
            id="among waits the fixed order",
        ),
    ],
)
def test_the_gravest_trip_wins_and_among_equals_the_first(
    balance: Balance, expected: tuple[Reason, Effect]
) -> None:
    """A trip that ends the run wins over one that refuses, and that over one that waits."""
    assert verdict(ASK, balance) == expected


UNKNOWN: dict[str, Any] = {"card": None}
BLIND: dict[str, Any] = {"card": None, "blind": Reason.BLIND_ENDPOINT}


@pytest.mark.parametrize(
    ("changes", "limits", "expected"),
    [
        pytest.param(UNKNOWN, BUDGET, (Reason.UNPRICED_MODEL, REFUSE), id="unknown model"),
        pytest.param(BLIND, BUDGET, (Reason.BLIND_ENDPOINT, REFUSE), id="blind endpoint"),
        pytest.param(
            UNKNOWN,
            Limits(max_cost_per_call=usd("1")),
            (Reason.UNPRICED_MODEL, REFUSE),
            id="under a limit per call",
        ),
        pytest.param(UNKNOWN, Limits(max_calls=5), ZERO, id="no dollar limit, no price needed"),
        pytest.param({**UNKNOWN, "on_blind": OnBlind.WARN}, BUDGET, ZERO, id="only warn"),
        pytest.param({**BLIND, "on_blind": OnBlind.ALLOW}, BUDGET, ZERO, id="allow"),
        pytest.param({**UNKNOWN, "imputed": True}, BUDGET, ZERO, id="a subscription pays"),
        pytest.param(
            {**UNKNOWN, "imputed": True},
            Limits(max_cost=usd("5"), count_imputed=True),
            (Reason.UNPRICED_MODEL, REFUSE),
            id="a subscription that counts",
        ),
    ],
)
def test_a_call_without_a_price_is_refused_where_a_dollar_limit_needs_one(
    changes: dict[str, Any], limits: Limits, expected: tuple[Reason, Effect] | Pico
) -> None:
    """Blind is not free, unless someone says so or nothing depends on it."""
    assert verdict(replace(ASK, **changes), Balance(limits=limits)) == expected


def test_the_refusal_of_an_unknown_model_names_it_and_the_mend() -> None:
    """The message tells a person what to do."""
    found = decide(replace(ASK, card=None), Balance(limits=BUDGET), NOW)
    assert isinstance(found, Trip)
    assert found.message.startswith("nobody prices the model m at openai")
    assert "--prices" in found.message


MICRO = 1_000_000


@pytest.mark.parametrize(
    ("changes", "balance", "hold"),
    [
        pytest.param({}, Balance(), (100 + 2 * USUAL_OUTPUT) * MICRO, id="before the first reply"),
        pytest.param({"max_output": 10}, Balance(), 120 * MICRO, id="never more than asked for"),
        pytest.param({"max_output": 0}, Balance(), 100 * MICRO, id="no output asked for"),
        pytest.param(
            {"max_output": 9999},
            Balance(metered=2, tokens=Tokens(output=61)),
            (100 + 2 * 31) * MICRO,
            id="the run's usual output, rounded up",
        ),
        pytest.param(
            {"choices": 3},
            Balance(metered=1, tokens=Tokens(output=5)),
            (100 + 2 * 15) * MICRO,
            id="several choices",
        ),
        pytest.param({"card": None}, Balance(), 0, id="no price"),
        pytest.param({"imputed": True}, Balance(), 0, id="a subscription pays"),
        pytest.param(
            {"imputed": True, "max_output": 0},
            Balance(limits=Limits(count_imputed=True)),
            100 * MICRO,
            id="a subscription that counts",
        ),
        pytest.param(
            {"card": replace(CARD, rates=Rates(input=Decimal(1)))},
            Balance(),
            100 * MICRO,
            id="embeddings have no output",
        ),
        pytest.param({"card": replace(CARD, rates=Rates())}, Balance(), 0, id="rates of no use"),
    ],
)
def test_the_hold_is_what_the_call_will_probably_cost(
    changes: dict[str, Any], balance: Balance, hold: int
) -> None:
    """Its input, and the output that is usual in its run."""
    assert expected_hold(replace(ASK, **changes), balance) == hold
