"""What the meter saw of one answer, and what that makes the call cost.

A call ends in one of few ways: its usage was reported; it failed at the provider; it was cut off
(client gone, upstream gone, process swept); or it completed and never said what it used. The
last one is blind, and blind is not free.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from leash_addon.core.loops import ToolCall
from leash_addon.core.money import MAX_USD, ZERO, Pico, usd_pico_up
from leash_addon.core.pricing import FindCard, RateCard, Unpriced, price
from leash_addon.core.usage import Usage


class Confidence(StrEnum):
    """How a settled cost came about."""

    MEASURED = "measured"
    DERIVED = "derived"
    HELD = "held"
    IMPUTED = "imputed"
    UNPRICED = "unpriced"


class Outcome(StrEnum):
    """How a call ended. ``UNSENT``: it never reached the provider, so it cost nothing."""

    COMPLETE = "complete"
    CUT = "cut"
    UNSENT = "unsent"
    SWEPT = "swept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the meter read from one answer.

    ``usage``: ``None`` when nothing was reported. ``complete``: the format said that the answer is
    whole. ``error``: an error object came in the body, also inside a 200. ``text_bytes``: bytes of
    answer text and tool arguments seen so far, for a cut call. ``reply``: fingerprint of text and
    tool calls, for stall detection; ``None`` when there was no reply. ``tools``: the tool calls,
    for the same; never stored. ``response_id``: the provider's id of a stored answer. ``notes``:
    what was odd, for the ledger. ``free``: the answer is no bill (a poll, a count, a queued job).
    """

    usage: Usage | None = None
    model: str | None = None
    service_tier: str | None = None
    response_id: str | None = None
    complete: bool = False
    free: bool = False
    error: str | None = None
    text_bytes: int = 0
    reply: str | None = None
    tools: tuple[ToolCall, ...] = ()
    notes: tuple[str, ...] = ()


BYTES_PER_TOKEN = 4
"""English text and JSON come to about four bytes a token; only used where nobody reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a call is booked at. ``cost`` ``None``: not known, which is not zero."""

    cost: Pico | None
    confidence: Confidence
    usage: Usage | None = None
    notes: tuple[str, ...] = ()


def bill(
    reading: Reading,
    *,
    outcome: Outcome,
    status: int | None,
    hold: Pico,
    card: RateCard | None,
    find: FindCard | None = None,
    input_tokens: int = 0,
) -> Bill:
    """Decide what a finished call is booked at.

    ``status``: HTTP status, ``None`` if none came. ``input_tokens``: as estimated when the call
    was opened, for one that was cut off before its provider said anything.
    """
    if outcome is Outcome.UNSENT or reading.free:
        return Bill(cost=ZERO, confidence=Confidence.MEASURED, notes=reading.notes)
    if reading.usage is not None:
        return _reported(reading, outcome, card, find)
    if status is not None and not _answered(status):
        return Bill(cost=ZERO, confidence=Confidence.MEASURED, notes=reading.notes)
    if outcome is Outcome.COMPLETE:
        notes = (*reading.notes, "no usage reported")
        return Bill(cost=None, confidence=Confidence.UNPRICED, notes=notes)
    if card is None and not hold:
        notes = (*reading.notes, "cut off, and no price for the model")
        return Bill(cost=None, confidence=Confidence.UNPRICED, notes=notes)
    return _held(reading, hold, card, input_tokens)


def _held(reading: Reading, hold: Pico, card: RateCard | None, input_tokens: int) -> Bill:
    """Book a cut call at its hold, or at the text that had come where that is already more."""
    seen = Usage(input_tokens=input_tokens, output_tokens=reading.text_bytes // BYTES_PER_TOKEN)
    worth = ZERO if card is None or not reading.text_bytes else price(seen, card)
    if isinstance(worth, Unpriced) or worth <= hold:
        notes = (*reading.notes, "settled at its hold")
        return Bill(cost=hold, confidence=Confidence.HELD, notes=notes)
    notes = (*reading.notes, "cut off: settled at an estimate from the text that came")
    return Bill(cost=worth, confidence=Confidence.HELD, notes=notes)


def knows_tokens(usage: Mapping[str, int | str], outcome: Outcome, status: int | None) -> bool:
    """Tell whether the tokens of an ended call are known: reported, or there were none."""
    failed = status is not None and not _answered(status)
    return bool(usage) or outcome is Outcome.UNSENT or failed


def _answered(status: int) -> bool:
    """Tell whether the provider did what was asked: a success, or a switch to WebSocket."""
    return status // 100 == 2 or status == 101  # noqa: PLR2004 - HTTP's own numbers


def _reported(
    reading: Reading, outcome: Outcome, card: RateCard | None, find: FindCard | None
) -> Bill:
    """Take the provider's own price; a stated zero only where no table knows better.

    Gateways state zero for what is billed elsewhere: to the user's own key, or by another cloud.
    """
    usage, notes = _at_least_the_text(reading, outcome)
    stated = usage.provider_cost_usd
    if stated is not None and stated.is_finite() and 0 < stated < MAX_USD:
        cost = usd_pico_up(stated)
        return Bill(cost=cost, confidence=Confidence.DERIVED, usage=usage, notes=notes)
    cost_or_why = price(usage, card, find)
    if not isinstance(cost_or_why, Unpriced):
        return Bill(cost=cost_or_why, confidence=Confidence.MEASURED, usage=usage, notes=notes)
    if stated == 0:
        return Bill(cost=ZERO, confidence=Confidence.DERIVED, usage=usage, notes=notes)
    notes = (*notes, cost_or_why.why)
    return Bill(cost=None, confidence=Confidence.UNPRICED, usage=usage, notes=notes)


def _at_least_the_text(reading: Reading, outcome: Outcome) -> tuple[Usage, tuple[str, ...]]:
    """Count the text that a cut answer had delivered, where the reported output lags behind it."""
    usage = reading.usage or Usage()
    seen = reading.text_bytes // BYTES_PER_TOKEN
    if outcome is Outcome.COMPLETE or reading.complete or seen <= (usage.output_tokens or 0):
        return usage, reading.notes
    notes = (*reading.notes, "cut off: output estimated from the text that came")
    return replace(usage, output_tokens=seen), notes
