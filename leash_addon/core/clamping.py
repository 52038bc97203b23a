"""Clamp: by how much a request's own limit on output is lowered to fit into what is left.

With hard holds a call is lowered to what is left, if that is still an answer (``LEAST_OUTPUT``);
while other calls are open it rather waits for their held money than be lowered below the output
that is usual in its run. With the other modes a lone call always goes, so it is lowered to what is
left or to the usual output, whichever is more: it may overshoot, by one usual answer at most.
"""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from leash_addon.core.ask import USUAL_OUTPUT, Ask
from leash_addon.core.balance import Balance
from leash_addon.core.bounds import (
    LEAST_OUTPUT,
    asked_output,
    fit_output,
    fit_tokens,
    most_input,
    upper_bound,
)
from leash_addon.core.caps import CapAccount
from leash_addon.core.holds import HoldMode, Holds
from leash_addon.core.money import Instant, Pico


class _Room(Struct, frozen=True):
    """What a limit leaves: money or tokens, and whether open calls may give some back."""

    left: int
    waits: bool
    is_money: bool

    def fits(self, ask: Ask, holds: Holds) -> int:
        """Return the output tokens of each choice that fit."""
        if self.is_money:
            return fit_output(Pico(self.left), ask, holds)
        return fit_tokens(self.left, ask, holds)


def lowered(
    ask: Ask,
    holds: Holds,
    run: Balance,
    caps: Sequence[tuple[CapAccount, Balance]],
    now: Instant,
) -> int | None:
    """Return the output tokens of each choice to lower a request to; ``None``: leave it.

    ``run``: the balance of the call's run. ``caps``: the accounts of its caps and their balances.
    """
    if not holds.clamp or ask.clamp_floor is None or ask.card is None:
        return None
    rooms = [*_of_run(ask, holds, run, now), *_of_caps(ask, caps)]
    asked = asked_output(ask, holds)
    most = upper_bound(ask, holds), most_input(ask) + asked * ask.choices
    tight = [room for room in rooms if room.left < most[0 if room.is_money else 1]]
    target = asked
    for room in tight:
        fits = _enough(room.fits(ask, holds), room, ask, holds, run)
        if fits is None:
            return None  # the limit itself says what is in the way
        target = min(target, fits)
    return target if target < asked else None


def _enough(fits: int, room: _Room, ask: Ask, holds: Holds, run: Balance) -> int | None:
    """Return the output to lower a call to for one limit; ``None``: that is no answer."""
    least = max(ask.clamp_floor or 1, LEAST_OUTPUT)
    usual = max(least, run.usual_output(USUAL_OUTPUT))
    if holds.mode is not HoldMode.HARD:
        return max(fits, usual)
    needed = min(usual, asked_output(ask, holds)) if room.waits else least
    return fits if fits >= needed else None


def _of_run(ask: Ask, holds: Holds, run: Balance, now: Instant) -> Iterator[_Room]:
    limits = run.limits
    if ask.imputed and not limits.count_imputed:
        return
    if limits.max_cost:
        used = run.counted() + run.compute(now) + run.spoken_for()
        yield _Room(limits.max_cost - used, run.open_calls > 0, is_money=True)
    if limits.max_cost_per_call and holds.mode is HoldMode.HARD:
        yield _Room(limits.max_cost_per_call, waits=False, is_money=True)


def _of_caps(ask: Ask, caps: Sequence[tuple[CapAccount, Balance]]) -> Iterator[_Room]:
    for account, balance in caps:
        if not account.cap.refuses:
            continue
        ceiling, waits = account.ceiling(balance), balance.open_calls > 0
        if ceiling.max_cost and (not ask.imputed or account.cap.count_imputed):
            used = account.spent(balance) + account.held(balance)
            yield _Room(ceiling.max_cost - used, waits, is_money=True)
        if ceiling.max_tokens:
            tokens = balance.tokens.input + balance.tokens.output + balance.held_tokens
            yield _Room(ceiling.max_tokens - tokens, waits, is_money=False)
