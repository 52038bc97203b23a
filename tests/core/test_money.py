"""Money is whole picodollars: read exactly, written exactly, rounded up once."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.core.money import Pico, ceil_pico, exact_usd, show_usd, usd, usd_pico_up

AMOUNTS = st.integers(min_value=0, max_value=10**18 - 1).map(Pico)


@pytest.mark.parametrize(
    ("text", "pico"),
    [
        pytest.param("5", 5 * 10**12, id="dollars"),
        pytest.param("$4.50", 4_500_000_000_000, id="a dollar sign"),
        pytest.param(" 0.10 ", 10**11, id="spaces"),
        pytest.param("0.000000000001", 1, id="one picodollar"),
        pytest.param("0", 0, id="nothing"),
        pytest.param("999999.999999999999", 10**18 - 1, id="the most there is"),
        pytest.param("1e-3", 10**9, id="an exponent"),
        pytest.param(3, 3 * 10**12, id="an int"),
        pytest.param(Decimal("0.1"), 10**11, id="a decimal"),
    ],
)
def test_an_amount_is_read_exactly(text: str | int | Decimal, pico: int) -> None:
    """Every digit counts, and none is invented."""
    assert usd(text) == pico


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("five", "is not an amount of dollars", id="a word"),
        pytest.param("", "is not an amount of dollars", id="nothing"),
        pytest.param("5 EUR", "is not an amount of dollars", id="another currency"),
        pytest.param("-1", "out of range", id="negative"),
        pytest.param("nan", "out of range", id="NaN"),
        pytest.param("inf", "out of range", id="infinite"),
        pytest.param("1000000", "out of range", id="a million"),
        pytest.param("1e999999999", "out of range", id="absurd"),
        pytest.param("0.0000000000001", "finer than a picodollar", id="13 decimals"),
        pytest.param("0." + "9" * 60, "finer than a picodollar", id="60 decimals"),
        pytest.param("1e-99999999", "finer than a picodollar", id="absurdly fine"),
    ],
)
def test_what_is_no_amount_is_refused(text: str, complaint: str) -> None:
    """The message says what is wrong with it."""
    with pytest.raises(ValueError, match=complaint):
        usd(text)


@given(AMOUNTS)
def test_an_amount_written_out_reads_back_the_same(amount: Pico) -> None:
    """``exact_usd`` loses nothing, and writes no exponent."""
    text = exact_usd(amount)
    assert (usd(text), "E" in text.upper()) == (amount, False)


@pytest.mark.parametrize(
    ("pico", "shown", "exact"),
    [
        pytest.param(0, "$0.00", "0", id="nothing"),
        pytest.param(5 * 10**12, "$5.00", "5", id="dollars"),
        pytest.param(10**11, "$0.10", "0.1", id="ten cents"),
        pytest.param(25 * 10**9, "$0.0250", "0.025", id="cents"),
        pytest.param(31 * 10**8, "$0.0031", "0.0031", id="a small amount"),
        pytest.param(10**8, "$0.0001", "0.0001", id="a hundredth of a cent"),
        pytest.param(10**6, "$0.000001", "0.000001", id="a tiny amount"),
        pytest.param(-(10**11), "-$0.10", "-0.1", id="negative"),
        pytest.param(10**13, "$10.00", "10", id="zeros before the point stay"),
    ],
)
def test_amounts_are_shown_for_people_and_written_exactly(
    pico: int, shown: str, exact: str
) -> None:
    """A person sees cents, or as many digits as a small amount needs."""
    assert (show_usd(Pico(pico)), exact_usd(Pico(pico))) == (shown, exact)


@pytest.mark.parametrize(
    ("stated", "pico"),
    [
        pytest.param("0.25", 25 * 10**10, id="exact"),
        pytest.param("0.0000000000001", 1, id="rounded up"),
        pytest.param("0.1234567890120000000000000000000000000001", 123456789013, id="many digits"),
        pytest.param("-1", 0, id="never below zero"),
        pytest.param("NaN", 0, id="no amount"),
        pytest.param("1e30", 10**18, id="cut at a million"),
    ],
)
def test_a_providers_own_price_is_rounded_up(stated: str, pico: int) -> None:
    """It never raises, whatever a provider states."""
    assert usd_pico_up(Decimal(stated)) == pico


@given(st.decimals(min_value=0, max_value=10**17, allow_nan=False, places=5))
def test_rounding_goes_up_by_less_than_one(amount: Decimal) -> None:
    """The only rounding there is never favours the spender."""
    assert 0 <= ceil_pico(amount) - amount < 1
