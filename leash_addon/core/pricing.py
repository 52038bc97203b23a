"""What one call came to: usage times a rate card, rounded up once.

A rate card is resolved once per (provider, model, tier) at the edge; here is only arithmetic.
Parts of the input (cache reads and writes, audio, images) are priced at their own rate and taken
out of the total first, so that nothing is charged twice. A rate that a card lacks falls back to
the rate of the total it is part of (a cache read without a rate costs what input costs): never
to zero.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from leash_addon.core.money import EXACT, Pico, ceil_pico
from leash_addon.core.usage import Usage

PER_MILLION: Final = 10**6
"""USD per million tokens times this is picodollars per token (1e12 / 1e6)."""

NO_RATES: Mapping[str, Decimal] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """USD per million tokens, exact; ``None``: no rate of its own.

    ``audio_second``: USD for a second of audio.
    """

    input: Decimal | None = None
    output: Decimal | None = None
    reasoning: Decimal | None = None
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    cache_write_5m: Decimal | None = None
    cache_write_1h: Decimal | None = None
    audio_input: Decimal | None = None
    audio_output: Decimal | None = None
    cached_audio_input: Decimal | None = None
    image_input: Decimal | None = None
    image_output: Decimal | None = None
    audio_second: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCard:
    """The rates of one model, where they come from, and which name found them.

    ``steps``: ``(above, rates)`` in rising order; a call whose input is *more than* ``above``
    tokens is priced by that entry as a whole, not only the tokens beyond it.
    ``per_request``: USD for one server-side tool request, by kind (``web_search``).
    ``per_call``: USD for the call itself, whatever it carries.
    """

    table: str
    name: str
    rates: Rates
    steps: tuple[tuple[int, Rates], ...] = ()
    per_request: Mapping[str, Decimal] = field(default_factory=lambda: NO_RATES)
    per_call: Decimal = Decimal(0)

    def rates_for(self, input_tokens: int) -> Rates:
        """Return the rates that hold for a call with so much input."""
        found = self.rates
        for above, rates in self.steps:
            if input_tokens > above:
                found = rates
        return found


@dataclass(frozen=True, slots=True)
class Unpriced:
    """The call happened and its cost is not known. This is not zero."""

    why: str


type FindCard = Callable[[str | None], RateCard | None]
"""The rate card of a leg's model; ``None`` asks for the call's own."""


def price(usage: Usage, card: RateCard | None, find: FindCard | None = None) -> Pico | Unpriced:
    """Price one call; legs by their own models, which ``find`` looks up.

    Returns ``Unpriced`` when a rate that the usage needs is missing; never raises for odd usage
    (a cached count above the total is clamped to it).
    """
    parts = [(usage, card)]
    if usage.billable_legs:
        parts = [(leg.usage, _leg_card(leg.model, card, find)) for leg in usage.billable_legs]
    total = Decimal(0)
    for part, its_card in parts:
        if its_card is None:
            return Unpriced("no price for the model")
        cost = _tokens_cost(part, its_card)
        if isinstance(cost, Unpriced):
            return cost
        total = EXACT.add(total, cost)
    extras = _extras_cost(usage, card)
    if isinstance(extras, Unpriced):
        return extras
    return ceil_pico(EXACT.add(total, extras))


def unpriced_tools(usage: Usage, card: RateCard | None) -> tuple[str, ...]:
    """Name the kinds of server-side tool requests that were made and have no price."""
    per_request = card.per_request if card else NO_RATES
    return tuple(
        kind
        for kind, count in sorted(usage.server_tool_requests.items())
        if count and kind not in per_request
    )


def _leg_card(model: str | None, card: RateCard | None, find: FindCard | None) -> RateCard | None:
    return card if model is None or find is None else find(model)


def _extras_cost(usage: Usage, card: RateCard | None) -> Decimal | Unpriced:
    missing = unpriced_tools(usage, card)
    if missing:
        return Unpriced(f"no price for server tool requests: {', '.join(missing)}")
    if card is None:
        return Decimal(0)
    total = card.per_call
    for kind, count in usage.server_tool_requests.items():
        if count:
            total = EXACT.add(total, EXACT.multiply(card.per_request[kind], Decimal(count)))
    return EXACT.scaleb(total, Decimal(12))


def _tokens_cost(usage: Usage, card: RateCard) -> Decimal | Unpriced:
    """Sum tokens times rates, in picodollars, not yet rounded."""
    rates = card.rates_for(usage.input_tokens or 0)
    total = Decimal(0)
    for count, rate, name in _token_lines(usage, rates):
        if not count:
            continue
        if rate is None:
            return Unpriced(f"no {name} price for {card.name}")
        total = EXACT.add(total, EXACT.multiply(rate, Decimal(count * PER_MILLION)))
    if usage.audio_seconds:
        if rates.audio_second is None:
            return Unpriced(f"no price per second of audio for {card.name}")
        seconds = EXACT.multiply(rates.audio_second, usage.audio_seconds)
        total = EXACT.add(total, EXACT.scaleb(seconds, Decimal(12)))
    return total


def _token_lines(usage: Usage, rates: Rates) -> list[tuple[int, Decimal | None, str]]:
    """Split a usage into disjoint (count, rate, name of the rate) lines."""
    left = usage.input_tokens or 0
    lines: list[tuple[int, Decimal | None, str]] = []

    def take(count: int | None, rate: Decimal | None, name: str) -> None:
        nonlocal left
        part = min(count or 0, left)
        left -= part
        lines.append((part, rate, name))

    write_rate = _first(rates.cache_write, rates.input)
    write_5m = usage.cache_write_5m_tokens or 0
    write_1h = usage.cache_write_1h_tokens or 0
    take(usage.cache_read_tokens, _first(rates.cached_input, rates.input), "cached input")
    take(write_1h, _first(rates.cache_write_1h, write_rate), "cache write")
    take(write_5m, _first(rates.cache_write_5m, write_rate), "cache write")
    rest = max(0, (usage.cache_write_tokens or 0) - write_5m - write_1h)
    take(rest, _first(rates.cache_write_5m, write_rate), "cache write")
    take(usage.input_audio_tokens, _first(rates.audio_input, rates.input), "audio input")
    take(usage.input_image_tokens, _first(rates.image_input, rates.input), "image input")
    lines.append((left, rates.input, "input"))

    left = usage.output_tokens or 0
    take(usage.output_audio_tokens, _first(rates.audio_output, rates.output), "audio output")
    take(usage.output_image_tokens, _first(rates.image_output, rates.output), "image output")
    take(usage.reasoning_tokens, _first(rates.reasoning, rates.output), "reasoning")
    lines.append((left, rates.output, "output"))
    return lines


def _first(*rates: Decimal | None) -> Decimal | None:
    return next((rate for rate in rates if rate is not None), None)
