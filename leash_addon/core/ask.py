"""What a call asks for, as far as admission needs to know."""

from dataclasses import dataclass
from enum import StrEnum

from leash_addon.core.balance import Balance
from leash_addon.core.money import ZERO, Pico
from leash_addon.core.pricing import RateCard, Unpriced, price
from leash_addon.core.usage import Usage
from leash_addon.core.verdict import Reason

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


def expected_hold(ask: Ask, balance: Balance) -> Pico:
    """Return what the call will probably cost: its input, and the output usual in its run."""
    if ask.card is None or (ask.imputed and not balance.limits.count_imputed):
        return ZERO
    output = balance.usual_output(USUAL_OUTPUT) * ask.choices
    if ask.max_output is not None:
        output = min(output, ask.max_output)
    for usage in (
        Usage(input_tokens=ask.input_tokens, output_tokens=output),
        Usage(input_tokens=ask.input_tokens),  # embeddings and their like have no output price
    ):
        cost = price(usage, ask.card)
        if not isinstance(cost, Unpriced):
            return cost
    return ZERO
