"""Holds: how much money, and how many tokens, an open call speaks for.

* ``expected``: what the call will probably come to. A lone call always goes while anything is left
  (it may overshoot by itself); beside open calls it must fit with what they hold.
* ``hard``: the most that it can come to. It must fit, with what open calls hold, every time: what
  is spent never exceeds the limit.
* ``settled``: nothing is held; a limit says no once the money is spent.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from leash_addon.core.balance import Balance
from leash_addon.core.boundaries import SHORT
from leash_addon.core.money import Instant, Pico, show_usd
from leash_addon.core.verdict import Effect, Reason, Trip


class HoldMode(StrEnum):
    """How holds are sized."""

    EXPECTED = "expected"
    HARD = "hard"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """How money is held.

    ``clamp``: lower a request's own output limit to what is left. ``wait``: seconds that a call
    may wait for held money before it is refused. ``max_output``: output tokens that a request is
    taken to allow when neither it nor its model's context window says (hard, clamp).
    """

    mode: HoldMode = HoldMode.EXPECTED
    clamp: bool = False
    wait: int = 5
    max_output: int = 128_000


EXPECTED = Holds()


class Fit(StrEnum):
    """Whether a call fits under a limit: it does, it may once held money comes back, it cannot."""

    YES = "yes"
    HELD = "held"
    FULL = "full"


def fit(*, limit: int, used: int, held: int, wanted: int, open_calls: int, mode: HoldMode) -> Fit:
    """Say whether ``wanted`` more fits. Amounts are all picodollars or all tokens.

    With no call open nothing held can come back.
    """
    if used >= limit:
        return Fit.FULL
    if mode is HoldMode.SETTLED or used + held + wanted <= limit:
        return Fit.YES
    if open_calls:
        return Fit.HELD
    return Fit.FULL if mode is HoldMode.HARD else Fit.YES


@dataclass(frozen=True, slots=True)
class HardBudget:
    """The run may spend this much, and no call may go that could take it further."""

    reason: ClassVar[Reason] = Reason.COST_BUDGET
    limit: Pico

    def check(self, balance: Balance, hold: Pico, now: Instant) -> Trip | None:
        """Trip when the call cannot fit; pass for now when open calls may give money back."""
        spent, held = Pico(balance.counted() + balance.compute(now)), balance.spoken_for()
        found = fit(
            limit=self.limit,
            used=spent,
            held=held,
            wanted=hold,
            open_calls=balance.open_calls,
            mode=HoldMode.HARD,
        )
        if found is Fit.YES:
            return None
        if found is Fit.HELD:
            message = (
                f"the call may cost {show_usd(hold)}; {show_usd(held)} of the budget of "
                f"{show_usd(self.limit)} is held by calls that are open ({balance.open_calls})"
            )
            return Trip(
                reason=Reason.HELD, effect=Effect.PASSING, message=message, retry_after=SHORT
            )
        message = f"the budget of {show_usd(self.limit)} is spent ({show_usd(spent)})"
        if spent < self.limit:
            message = (
                f"the call may cost {show_usd(hold)}, and {show_usd(Pico(self.limit - spent))} "
                f"of the budget of {show_usd(self.limit)} is left"
            )
        return Trip(reason=self.reason, effect=Effect.STOP, message=message)
