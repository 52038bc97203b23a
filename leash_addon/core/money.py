"""Money as an integer of picodollars, and time as an integer of microseconds.

Prices stay exact decimals; a call's cost is rounded up to a whole picodollar once, so sums are
exact and no float ever touches money.
"""

from decimal import ROUND_CEILING, Context, Decimal, Inexact, InvalidOperation, localcontext
from typing import NewType

Pico = NewType("Pico", int)
"""An amount of money in picodollars: 1e-12 USD."""

Instant = NewType("Instant", int)
"""A moment: microseconds since 1970-01-01T00:00:00Z."""

PICO_PER_USD = 10**12
ZERO = Pico(0)
SECOND = 1_000_000
"""Microseconds in a second: instants and spans count in microseconds."""

EXACT = Context(prec=60, rounding=ROUND_CEILING, traps=[Inexact, InvalidOperation])
"""Arithmetic that raises rather than lose a digit (60 are far more than prices and tokens need)."""

UP = Context(prec=60, rounding=ROUND_CEILING, traps=[])
"""Arithmetic that never raises and rounds up, for what a provider states and for divisions."""

MAX_USD = Decimal(10) ** 6
"""No amount reaches this: it must fit a 64-bit integer of picodollars with room."""


def usd(text: str | int | Decimal) -> Pico:
    """Read an amount of dollars such as ``"5"``, ``"0.10"`` or ``"$4.50"``; exact, never negative.

    Raises ``ValueError`` for anything else, also for more than 12 decimals.
    """
    try:
        amount = Decimal(str(text).strip().removeprefix("$"))
    except InvalidOperation:
        msg = f"{text!r} is not an amount of dollars; write for example 5 or 0.25"
        raise ValueError(msg) from None
    if not amount.is_finite() or amount < 0 or amount >= MAX_USD:
        msg = f"{text!r} is out of range; an amount is from 0 to under 1000000 dollars"
        raise ValueError(msg)
    if amount != amount.quantize(_PICO, context=UP):
        msg = f"{text!r} is finer than a picodollar (12 decimals)"
        raise ValueError(msg)
    return Pico(int(amount.scaleb(12, UP)))


_PICO = Decimal(1).scaleb(-12)


def ceil_pico(amount: Decimal) -> Pico:
    """Round a number of picodollars up to a whole one: the only rounding there is."""
    return Pico(int(amount.to_integral_value(rounding=ROUND_CEILING)))


def exact_usd(amount: Pico) -> str:
    """Write an amount as a plain decimal of dollars with every digit that it has."""
    with localcontext(EXACT):
        text = format(Decimal(amount).scaleb(-12), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def show_usd(amount: Pico) -> str:
    """Write an amount for people: cents, or the digits that a small one needs (``$0.0031``)."""
    sign, size = ("-", -amount) if amount < 0 else ("", amount)
    decimals = 2 if size == 0 or size >= PICO_PER_USD // 10 else 4 if size >= 10**8 else 6
    value = Decimal(size).scaleb(-12).quantize(Decimal(1).scaleb(-decimals))
    return f"{sign}${value:f}"


def usd_pico_up(amount: Decimal) -> Pico:
    """Turn a provider's own dollar price into picodollars, rounded up; never below zero."""
    if not amount.is_finite() or amount < 0:
        return ZERO
    return ceil_pico(min(amount, MAX_USD).scaleb(12, UP))
