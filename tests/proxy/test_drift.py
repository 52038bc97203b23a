import logging
from dataclasses import replace
from decimal import Decimal

import pytest

from leash_addon.core.money import Pico
from leash_addon.core.pricing import RateCard, Rates
from leash_addon.core.usage import Usage
from leash_addon.proxy.drift import Drift, is_drift

CARD = RateCard(
    table="genai-prices 9", name="big", rates=Rates(input=Decimal(1), output=Decimal(2))
)
USAGE = Usage(input_tokens=1_000_000, output_tokens=0)


def compared(drift: Drift, stated: str, card: RateCard = CARD) -> bool:
    """Return whether a call that our table prices at $1 is told of."""
    usage = replace(USAGE, provider_cost_usd=Decimal(stated))
    return drift.compare("acme", usage, card, lambda _: card)


def test_a_drift_is_told_once_per_model(caplog: pytest.LogCaptureFixture) -> None:
    """Two calls of one model make one line with both prices; another model makes its own."""
    drift = Drift()
    with caplog.at_level(logging.WARNING):
        told = [compared(drift, "1.5"), compared(drift, "9"), compared(drift, "2")]
        told.append(compared(drift, "2", replace(CARD, name="small")))
    assert told == [True, False, False, True]
    assert caplog.messages[0] == (
        "acme: big stated $1.5 for a call that genai-prices 9 prices at $1; "
        "what it states is booked"
    )


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        pytest.param(100, False, id="equal"),
        pytest.param(95, False, id="five percent less"),
        pytest.param(94, True, id="more than that"),
        pytest.param(106, True, id="more than five percent above"),
        pytest.param(0, True, id="for nothing"),
    ],
)
def test_more_than_five_percent_is_a_drift(stated: int, expected: bool) -> None:
    """Only a difference of more than five percent of the larger price counts."""
    assert is_drift(Pico(stated), Pico(100)) is expected


def test_a_model_without_a_price_does_not_drift() -> None:
    """A table that lacks a rate the call needs has nothing to compare with."""
    assert not compared(Drift(), "7", RateCard(table="t", name="m", rates=Rates()))
