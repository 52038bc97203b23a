"""What a finished call is booked at."""

from dataclasses import replace
from decimal import Decimal

import pytest

from leash_addon.core.money import ZERO, Pico
from leash_addon.core.pricing import RateCard, Rates
from leash_addon.core.reading import BYTES_PER_TOKEN, Bill, Confidence, Outcome, Reading, bill
from leash_addon.core.usage import Leg, Usage

CARD = RateCard(table="t", name="m", rates=Rates(input=Decimal(1), output=Decimal(2)))
HOLD = Pico(777)
USAGE = Usage(input_tokens=3, output_tokens=4)
MEASURED, DERIVED = Confidence.MEASURED, Confidence.DERIVED
HELD, UNPRICED = Confidence.HELD, Confidence.UNPRICED


def booked(
    reading: Reading,
    outcome: Outcome = Outcome.COMPLETE,
    status: int | None = 200,
    card: RateCard | None = CARD,
) -> tuple[int | None, Confidence]:
    """Return what a call is booked at, and how sure that is."""
    found = bill(reading, outcome=outcome, status=status, hold=HOLD, card=card)
    return found.cost, found.confidence


@pytest.mark.parametrize(
    ("reading", "outcome", "status", "expected"),
    [
        pytest.param(
            Reading(usage=USAGE), Outcome.COMPLETE, 200, (11_000_000, MEASURED), id="reported"
        ),
        pytest.param(
            Reading(usage=USAGE), Outcome.CUT, 200, (11_000_000, MEASURED), id="cut, reported"
        ),
        pytest.param(
            Reading(usage=USAGE), Outcome.COMPLETE, 500, (11_000_000, MEASURED), id="failed, billed"
        ),
        pytest.param(Reading(), Outcome.COMPLETE, 200, (None, UNPRICED), id="said nothing"),
        pytest.param(Reading(), Outcome.COMPLETE, 299, (None, UNPRICED), id="any success"),
        pytest.param(Reading(), Outcome.COMPLETE, 101, (None, UNPRICED), id="a WebSocket"),
        pytest.param(Reading(), Outcome.COMPLETE, None, (None, UNPRICED), id="no status"),
        pytest.param(Reading(), Outcome.COMPLETE, 100, (ZERO, MEASURED), id="informational"),
        pytest.param(Reading(), Outcome.COMPLETE, 300, (ZERO, MEASURED), id="redirected"),
        pytest.param(Reading(), Outcome.COMPLETE, 400, (ZERO, MEASURED), id="bad request"),
        pytest.param(Reading(), Outcome.CUT, 529, (ZERO, MEASURED), id="overloaded, cut"),
        pytest.param(Reading(), Outcome.CUT, 200, (HOLD, HELD), id="cut in the answer"),
        pytest.param(Reading(), Outcome.CUT, None, (HOLD, HELD), id="cut before the answer"),
        pytest.param(Reading(), Outcome.SWEPT, None, (HOLD, HELD), id="swept"),
        pytest.param(Reading(), Outcome.UNSENT, None, (ZERO, MEASURED), id="never sent"),
        pytest.param(Reading(free=True), Outcome.COMPLETE, 200, (ZERO, MEASURED), id="free"),
        pytest.param(
            Reading(free=True, usage=USAGE), Outcome.COMPLETE, 200, (ZERO, MEASURED), id="a poll"
        ),
        pytest.param(
            Reading(usage=Usage()), Outcome.COMPLETE, 200, (None, UNPRICED), id="an empty usage"
        ),
    ],
)
def test_how_a_call_ended_decides_what_it_is_booked_at(
    reading: Reading,
    outcome: Outcome,
    status: int | None,
    expected: tuple[int | None, Confidence],
) -> None:
    """Reported usage is priced; a failure is free; a cut call costs its hold; blind is not free."""
    assert booked(reading, outcome, status) == expected


@pytest.mark.parametrize(
    ("card", "hold", "expected"),
    [
        pytest.param(CARD, HOLD, (HOLD, HELD), id="priced, held"),
        pytest.param(CARD, ZERO, (ZERO, HELD), id="priced, nothing held"),
        pytest.param(None, HOLD, (HOLD, HELD), id="not priced, held"),
        pytest.param(None, ZERO, (None, UNPRICED), id="not priced, nothing held"),
    ],
)
def test_a_cut_call_that_nobody_priced_and_nothing_was_held_for_is_blind(
    card: RateCard | None, hold: Pico, expected: tuple[int | None, Confidence]
) -> None:
    """A hold of zero is the cost of a call only where a price says so."""
    found = bill(Reading(), outcome=Outcome.CUT, status=200, hold=hold, card=card)
    assert (found.cost, found.confidence) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        pytest.param("0.5", (5 * 10**11, DERIVED), id="stated"),
        pytest.param("0", (11_000_000, MEASURED), id="zero, and billed elsewhere"),
        pytest.param("-1", (11_000_000, MEASURED), id="negative"),
        pytest.param("NaN", (11_000_000, MEASURED), id="no number"),
        pytest.param("Infinity", (11_000_000, MEASURED), id="infinite"),
        pytest.param("1000000", (11_000_000, MEASURED), id="a million"),
    ],
)
def test_the_providers_own_cost_wins_where_it_is_an_amount(
    stated: str, expected: tuple[int, Confidence]
) -> None:
    """A stated cost that cannot be one is ignored, and the table's price is taken."""
    usage = replace(USAGE, provider_cost_usd=Decimal(stated))
    assert booked(Reading(usage=usage)) == expected


def test_a_stated_zero_counts_where_no_table_knows_better() -> None:
    """A model without a price that its provider calls free is free, and not blind."""
    usage = replace(USAGE, provider_cost_usd=Decimal(0))
    assert booked(Reading(usage=usage), card=None) == (0, DERIVED)


def test_a_stated_cost_needs_no_price_table() -> None:
    """A model that nobody prices is not blind when its provider says what it cost."""
    usage = replace(USAGE, provider_cost_usd=Decimal("0.25"))
    assert booked(Reading(usage=usage), card=None) == (25 * 10**10, DERIVED)


def test_a_model_that_nobody_prices_keeps_its_counts() -> None:
    """The usage is recorded, the cost is not known, and the note says why."""
    found = bill(Reading(usage=USAGE), outcome=Outcome.COMPLETE, status=200, hold=HOLD, card=None)
    assert found == Bill(
        cost=None, confidence=UNPRICED, usage=USAGE, notes=("no price for the model",)
    )


def test_a_legs_model_is_looked_up() -> None:
    """Each leg is priced by its own model, by way of ``find``."""
    usage = Usage(billable_legs=(Leg(model="dear", usage=Usage(input_tokens=1)),))
    dear = replace(CARD, rates=Rates(input=Decimal(50)))
    found = bill(
        Reading(usage=usage),
        outcome=Outcome.COMPLETE,
        status=200,
        hold=HOLD,
        card=CARD,
        find=lambda _: dear,
    )
    assert found.cost == 50_000_000


@pytest.mark.parametrize(
    ("reading", "outcome", "output"),
    [
        pytest.param(
            Reading(usage=USAGE, text_bytes=5 * BYTES_PER_TOKEN), Outcome.CUT, 5, id="text ahead"
        ),
        pytest.param(
            Reading(usage=USAGE, text_bytes=4 * BYTES_PER_TOKEN), Outcome.CUT, 4, id="text level"
        ),
        pytest.param(
            Reading(usage=USAGE, text_bytes=99 * BYTES_PER_TOKEN),
            Outcome.COMPLETE,
            4,
            id="not cut",
        ),
        pytest.param(
            Reading(usage=USAGE, text_bytes=99 * BYTES_PER_TOKEN, complete=True),
            Outcome.CUT,
            4,
            id="cut after its end",
        ),
        pytest.param(
            Reading(usage=Usage(input_tokens=3), text_bytes=8 * BYTES_PER_TOKEN),
            Outcome.SWEPT,
            8,
            id="no output reported yet",
        ),
    ],
)
def test_a_cut_answer_costs_at_least_the_text_that_came(
    reading: Reading, outcome: Outcome, output: int
) -> None:
    """Where the reported output lags behind the text, the text counts; and only when cut."""
    found = bill(reading, outcome=outcome, status=200, hold=HOLD, card=CARD)
    assert found.usage is not None
    assert (found.usage.output_tokens, found.cost) == (output, (3 + 2 * output) * 10**6)
    reported = reading.usage.output_tokens if reading.usage else None
    assert bool(found.notes) == (output != reported)


def test_a_cut_call_of_an_unpriced_model_is_not_free() -> None:
    """Without a price there was no hold either: its cost is not known, and not zero."""
    found = bill(Reading(), outcome=Outcome.CUT, status=200, hold=ZERO, card=None)
    assert (found.cost, found.confidence) == (None, UNPRICED)


def test_a_cut_answer_without_usage_costs_at_least_the_text_that_came() -> None:
    """Text beyond the hold raises what a cut call is booked at; text within it changes nothing."""
    costs = [
        bill(
            Reading(text_bytes=text_bytes),
            outcome=Outcome.CUT,
            status=200,
            hold=Pico(11_000_000),
            card=CARD,
            input_tokens=3,
        ).cost
        for text_bytes in (0, 4 * BYTES_PER_TOKEN, 5 * BYTES_PER_TOKEN)
    ]
    assert costs == [11_000_000, 11_000_000, 13_000_000]
