"""What one call came to: usage times a rate card, rounded up once.

A rate card is resolved once per (provider, model, tier) at the edge; here is only arithmetic.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from leash_addon.core.lines import input_lines, output_lines
from leash_addon.core.money import EXACT, MAX_USD, PICO_PER_USD, UP, Pico, ceil_pico
from leash_addon.core.rates import NO_RATES, RateCard, Rates
from leash_addon.core.usage import Usage

__all__ = ["FindCard", "RateCard", "Rates", "Unpriced", "price", "unpriced_tools"]

PER_MILLION: Final = 10**6
"""USD per million tokens times this is picodollars per token (1e12 / 1e6)."""

SAID_TWICE: Final = (
    ("web_search_call:search", "web_search", "web_search_calls"),
    ("x_search_call", "x_search_calls"),
    ("file_search_call", "file_search_calls"),
    ("code_interpreter_call", "code_interpreter_calls"),
    ("image_generation_call", "image_generation_calls"),
    ("mcp_call", "mcp_calls"),
)
"""Kinds under which one answer counts the same requests twice: as output items, and as a sum."""

NOTHING_SAID: Final = Usage().counts()

MOST_TOKENS: Final = 10**12
"""A count from here on is a mistake or a lie: a million times the largest context there is."""

MOST_COST: Final = MAX_USD * PICO_PER_USD
"""No call costs a million dollars; sums of costs have to fit 64 bits."""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """The call happened and its cost is not known. This is not zero."""

    why: str


type FindCard = Callable[[str | None], RateCard | None]
"""The rate card of a leg's model; ``None`` asks for the call's own."""


def price(usage: Usage, card: RateCard | None, find: FindCard | None = None) -> Pico | Unpriced:
    """Price one call; legs by their own models, which ``find`` looks up.

    Returns ``Unpriced`` when a rate that the usage needs is missing, when there is nothing to
    count, and when the counts are not believable. Never raises for odd usage: a cached count
    above the total is clamped to it; parts without a total are the total.
    """
    parts = [(usage, card)]
    if usage.billable_legs:
        parts = [(leg.usage, _leg_card(leg.model, card, find)) for leg in usage.billable_legs]
    total = Decimal(0)
    if not all(_believable(part) for part in (usage, *(leg.usage for leg in usage.billable_legs))):
        return Unpriced("the reported counts are not believable")
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
    total = EXACT.add(total, extras)
    if total >= MOST_COST:
        return Unpriced("the reported counts are not believable")
    return ceil_pico(total)


def unpriced_tools(usage: Usage, card: RateCard | None) -> tuple[str, ...]:
    """Name the kinds of server-side tool requests that were made and have no price."""
    if not usage.server_tool_requests:
        return ()
    per_request = card.per_request if card else NO_RATES
    return tuple(
        kind
        for kind, count in sorted(_once(usage.server_tool_requests).items())
        if count and kind not in per_request
    )


def _once(requests: Mapping[str, int]) -> Mapping[str, int]:
    """Keep the largest of several counts of the same requests."""
    if len(requests) < 2:  # noqa: PLR2004 - one kind is said once
        return requests
    kept = dict(requests)
    for kinds in SAID_TWICE:
        said = sorted((kind for kind in kinds if kind in kept), key=lambda kind: -kept[kind])
        for kind in said[1:]:
            del kept[kind]
    return kept


def _leg_card(model: str | None, card: RateCard | None, find: FindCard | None) -> RateCard | None:
    return card if model is None or find is None else find(model)


def _extras_cost(usage: Usage, card: RateCard | None) -> Decimal | Unpriced:
    missing = unpriced_tools(usage, card)
    if missing:
        return Unpriced(f"no price for server tool requests: {', '.join(missing)}")
    if card is None:
        return Decimal(0)
    if not (card.per_call or usage.server_tool_requests):
        return Decimal(0)
    total = card.per_call
    for kind, count in _once(usage.server_tool_requests).items():
        if count:
            total = EXACT.add(total, EXACT.multiply(card.per_request[kind], Decimal(count)))
    return EXACT.scaleb(total, Decimal(12))


def _believable(usage: Usage) -> bool:
    for count in (*usage.counts(), *usage.server_tool_requests.values()):
        if count and not 0 <= count < MOST_TOKENS:
            return False
    seconds = usage.audio_seconds
    return not seconds or (seconds.is_finite() and 0 <= seconds < MOST_TOKENS)


def _tokens_cost(usage: Usage, card: RateCard) -> Decimal | Unpriced:
    """Sum tokens times rates, in picodollars, not yet rounded."""
    counted = usage.counts() != NOTHING_SAID
    if not (counted or usage.audio_seconds or usage.server_tool_requests or card.per_call):
        return Unpriced("no usage reported")
    total = Decimal(0)
    rates = card.rates_for(usage.input_tokens or 0)
    by_time = usage.audio_seconds is not None and rates.counts_time_alone
    for count, rate, name in (*input_lines(usage, rates), *output_lines(usage, rates)):
        if not count or by_time:
            continue
        if rate is None:
            return Unpriced(f"no {name} price for {card.name}")
        total = EXACT.add(total, EXACT.multiply(rate, Decimal(count * PER_MILLION)))
    if usage.audio_seconds and (rates.audio_hour is not None or not counted):
        if rates.audio_hour is None:
            return Unpriced(f"no audio price for {card.name}")
        seconds = max(usage.audio_seconds, card.least_audio_seconds)
        total = EXACT.add(total, _audio_cost(seconds, rates.audio_hour))
    return total


def _audio_cost(seconds: Decimal, hour: Decimal) -> Decimal:
    """Price a span in picodollars; a third of a second leaves a remainder, which is rounded up."""
    exact_enough = Decimal(1).scaleb(-15)
    cost = UP.divide(UP.scaleb(UP.multiply(hour, seconds), Decimal(12)), Decimal(3600))
    return cost.quantize(exact_enough, context=UP)
