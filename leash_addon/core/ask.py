"""What a call asks for, as far as admission needs to know."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from leash_addon.core.balance import Balance
from leash_addon.core.money import EXACT, ZERO, Pico, ceil_pico
from leash_addon.core.pricing import PER_MILLION, RateCard
from leash_addon.core.scopes import NO_TAGS, Tags
from leash_addon.core.screening import Found
from leash_addon.core.verdict import Reason
from leash_addon.core.virtual_keys import Grant

USUAL_OUTPUT = 1_000
"""Output tokens that a run's calls are taken to have before the first of them has settled."""


class OnBlind(StrEnum):
    """What a call that cannot be priced meets under a dollar limit."""

    REFUSE = "refuse"
    WARN = "warn"
    ALLOW = "allow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One call that wants to go upstream.

    ``input_tokens``: estimated from the body's bytes. ``max_output``: the request's own limit on
    output tokens, times its choices; ``None`` when it names none. ``card``: ``None`` when nobody
    prices the model. ``blind``: why the call cannot be metered at all, if so. ``imputed``: a
    subscription pays. ``accounts``: keys of every balance it is charged to, its run's first.
    ``patient``: the caller will ask again, so a passing refusal is not put on record.

    For caps, rate limits and hard holds: ``tags``: who asks, by scope. ``input_bytes``: size of
    the body; 0 when only the estimate is known. ``unseen``: the input is more than the body shows
    (a stored answer, a file, an address). ``context_window``: of the model, where known.
    ``clamp_floor``: the lowest limit on output tokens that may be written into the body; ``None``
    when the body must stay as it is. ``grant``: what the caller's virtual key allows.

    ``found``: what screening found in texts that are new to the run. ``hostile``: why screening
    refuses the call; empty: it does not.
    """

    run: str
    call: str
    accounts: tuple[str, ...]
    provider: str
    format: str
    model: str = ""
    client: str = ""
    input_tokens: int = 0
    max_output: int | None = None
    choices: int = 1
    card: RateCard | None = None
    blind: Reason | None = None
    imputed: bool = False
    on_blind: OnBlind = OnBlind.REFUSE
    patient: bool = False
    tags: Tags = field(default_factory=lambda: NO_TAGS)
    input_bytes: int = 0
    unseen: bool = False
    context_window: int | None = None
    clamp_floor: int | None = None
    grant: Grant | None = None
    found: tuple[Found, ...] = ()
    hostile: str = ""


def expected_hold(ask: Ask, balance: Balance) -> Pico:
    """Return what the call will probably cost: its input, and the output usual in its run."""
    if ask.card is None or (ask.imputed and not balance.limits.count_imputed):
        return ZERO
    return expected_cost(ask, balance)


def expected_output(ask: Ask, balance: Balance) -> int:
    """Return the output tokens of all choices that are usual in the run, within the call's own."""
    output = balance.usual_output(USUAL_OUTPUT) * ask.choices
    return output if ask.max_output is None else min(output, ask.max_output)


def expected_cost(ask: Ask, balance: Balance) -> Pico:
    """Return what the call will probably come to, whoever pays; zero when nobody prices it."""
    if ask.card is None:
        return ZERO
    return plain_cost(ask.card, ask.input_tokens, expected_output(ask, balance))


def plain_cost(card: RateCard, input_tokens: int, output_tokens: int) -> Pico:
    """Return ``price`` of plain input and output, at a tenth of its time: it runs at admission.

    Zero when the card cannot price the input; without the output when it cannot price that
    (embeddings and their like have no output price).
    """
    rates = card.rates_for(input_tokens)
    if rates.input is None and input_tokens:
        return ZERO
    output = EXACT.multiply(rates.output or _NOTHING, output_tokens * PER_MILLION)
    total = EXACT.fma(rates.input or _NOTHING, input_tokens * PER_MILLION, output)
    if card.per_call:
        total = EXACT.add(total, EXACT.scaleb(card.per_call, 12))
    return ceil_pico(total)


_NOTHING = Decimal(0)
