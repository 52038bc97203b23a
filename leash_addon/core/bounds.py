"""How large a call can get: its size for holds, and the output that fits into what is left.

The bound of ``hard`` holds is one token for each byte of the request (byte-level tokenizers make no
more of a text) and what providers add unseen, at the dearest rate that input may meet; and the
output that the request allows, at the dearest output rate. What nobody can bound from the request
is booked when it is reported: server-side tools, and the further passes of a model that calls them.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from leash_addon.core.ask import Ask, expected_cost, expected_output
from leash_addon.core.balance import Balance
from leash_addon.core.holds import HoldMode, Holds
from leash_addon.core.money import EXACT, UP, ZERO, Pico, ceil_pico
from leash_addon.core.pricing import PER_MILLION, Unpriced, price
from leash_addon.core.rates import RateCard, Rates
from leash_addon.core.usage import Usage

BYTES_A_TOKEN = 4
HIDDEN_INPUT = 1_024
"""Tokens that providers add to a request: chat templates, the system prompt of tool use (Anthropic
states up to some 800 for tools: https://docs.anthropic.com/en/docs/agents-and-tools/tool-use)."""

UNSEEN_INPUT = 200_000
"""Input tokens of a call that names more input than it shows, to a model of unknown context."""

LEAST_AUDIO_BYTES = 500
"""Bytes in a second of audio, at least: the lowest bit rate that speech is sent with, 4 kbit/s."""

LEAST_OUTPUT = 64
"""No output limit is lowered further: an answer that short is worth nothing (and the Responses
API refuses less than 16)."""


class Size(Struct, frozen=True, kw_only=True):
    """What a call is taken to come to, whoever pays.

    ``hold``: money to hold. ``estimate``: what it probably costs. ``hold_tokens``: tokens to hold
    against caps. ``tokens``: what it probably uses, taken from rate limits.
    """

    hold: Pico
    estimate: Pico
    hold_tokens: int
    tokens: int


def size(ask: Ask, balance: Balance, holds: Holds) -> Size:
    """Return the size of a call; ``balance`` is its run's, which says what output is usual."""
    estimate = expected_cost(ask, balance)
    tokens = ask.input_tokens + expected_output(ask, balance)
    match holds.mode:
        case HoldMode.EXPECTED:
            return Size(hold=estimate, estimate=estimate, hold_tokens=tokens, tokens=tokens)
        case HoldMode.HARD:
            most = most_input(ask) + asked_output(ask, holds) * ask.choices
            hold = upper_bound(ask, holds)
            return Size(hold=hold, estimate=estimate, hold_tokens=most, tokens=tokens)
        case HoldMode.SETTLED:
            return Size(hold=ZERO, estimate=estimate, hold_tokens=0, tokens=tokens)


def most_input(ask: Ask) -> int:
    """Return the most input tokens that a call can have."""
    shown = (ask.input_bytes or ask.input_tokens * BYTES_A_TOKEN) + HIDDEN_INPUT
    return max(shown, ask.context_window or UNSEEN_INPUT) if ask.unseen else shown


def asked_output(ask: Ask, holds: Holds) -> int:
    """Return the most output tokens that one choice of a call can have."""
    if ask.max_output is not None:
        return -(-ask.max_output // max(1, ask.choices))
    return min(holds.max_output, ask.context_window or holds.max_output)


def upper_bound(ask: Ask, holds: Holds) -> Pico:
    """Return the most that a call can cost; zero when nobody prices its model."""
    if ask.card is None:
        return ZERO
    output = asked_output(ask, holds) * ask.choices
    return ceil_pico(EXACT.add(_most_before(ask, ask.card), _tokens(output, _output_rate(ask))))


def fit_output(left: Pico, ask: Ask, holds: Holds) -> int:
    """Return the most output tokens for each choice with which a call costs at most ``left``.

    From 0, when not even its input fits, to what it asks for. In ``hard`` mode the input counts at
    its bound, else as estimated.
    """
    asked = asked_output(ask, holds)
    if ask.card is None:
        return asked
    if holds.mode is HoldMode.HARD:
        before = _most_before(ask, ask.card)
    else:
        cost = price(Usage(input_tokens=ask.input_tokens), ask.card)
        before = Decimal(0 if isinstance(cost, Unpriced) else cost)
    one = _tokens(max(1, ask.choices), _output_rate(ask))
    if not one:
        return asked if before <= left else 0
    fits = int(UP.divide_int(EXACT.subtract(Decimal(left), before), one))
    return max(0, min(asked, fits))


def fit_tokens(left: int, ask: Ask, holds: Holds) -> int:
    """Return the most output tokens for each choice with which a call uses at most ``left``."""
    input_tokens = most_input(ask) if holds.mode is HoldMode.HARD else ask.input_tokens
    fits = (left - input_tokens) // max(1, ask.choices)
    return max(0, min(asked_output(ask, holds), fits))


def _most_before(ask: Ask, card: RateCard) -> Decimal:
    """Return the most, in picodollars, that a call costs but for its output."""
    tokens = most_input(ask)
    total = _tokens(tokens, max(_dearest(_of_input(rates)) for rates in _met(card, tokens)))
    hour = card.rates.audio_hour or Decimal(0)
    seconds = max(Decimal(tokens // LEAST_AUDIO_BYTES + 1), card.least_audio_seconds)
    audio = UP.divide(UP.scaleb(UP.multiply(hour, seconds), Decimal(12)), Decimal(3600))
    audio = audio.quantize(Decimal(1).scaleb(-15), context=UP)
    return EXACT.add(total, EXACT.add(audio, EXACT.scaleb(card.per_call, Decimal(12))))


def _output_rate(ask: Ask) -> Decimal:
    if ask.card is None:
        return Decimal(0)
    return max(_dearest(_of_output(rates)) for rates in _met(ask.card, most_input(ask)))


def _met(card: RateCard, input_tokens: int) -> list[Rates]:
    """Return the rates that a call with at most so much input may meet."""
    return [card.rates, *(rates for above, rates in card.steps if above < input_tokens)]


def _of_input(rates: Rates) -> tuple[Decimal | None, ...]:
    return (
        rates.input,
        rates.cached_input,
        rates.cache_write,
        rates.cache_write_5m,
        rates.cache_write_1h,
        rates.audio_input,
        rates.cached_audio_input,
        rates.image_input,
    )


def _of_output(rates: Rates) -> tuple[Decimal | None, ...]:
    return (rates.output, rates.reasoning, rates.audio_output, rates.image_output)


def _dearest(rates: Iterable[Decimal | None]) -> Decimal:
    return max((rate for rate in rates if rate is not None), default=Decimal(0))


def _tokens(count: int, rate: Decimal) -> Decimal:
    return EXACT.multiply(rate, Decimal(count * PER_MILLION))
