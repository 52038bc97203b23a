"""Clamp: by how much a request's own limit on output is lowered to fit into what is left.

With hard holds a call is lowered to what is left, if that is still an answer (``LEAST_OUTPUT``);
while other calls are open it rather waits for their held money than be lowered below the output
that is usual in its run. With the other modes a lone call always goes, so it is lowered to what is
left or to the usual output, whichever is more: it may overshoot, by one usual answer at most.
"""

from collections.abc import Iterator, Sequence

from leash_addon.core.ask import USUAL_OUTPUT, Ask
from leash_addon.core.balance import Balance
from leash_addon.core.bounds import LEAST_OUTPUT, asked_output, fit_output, fit_tokens
from leash_addon.core.caps import CapAccount
from leash_addon.core.holds import HoldMode, Holds
from leash_addon.core.money import Instant, Pico


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
    asked = asked_output(ask, holds)
    least = max(ask.clamp_floor, LEAST_OUTPUT)
    usual = max(least, run.usual_output(USUAL_OUTPUT))
    target = asked
    for fits, others_open in _room(ask, holds, run, caps, now):
        if holds.mode is not HoldMode.HARD:
            target = min(target, max(fits, usual))
        elif fits < (min(usual, asked) if others_open else least):
            return None  # the limit itself says what is in the way
        else:
            target = min(target, fits)
    return target if target < asked else None


def _room(
    ask: Ask,
    holds: Holds,
    run: Balance,
    caps: Sequence[tuple[CapAccount, Balance]],
    now: Instant,
) -> Iterator[tuple[int, bool]]:
    """Yield, for each limit on money or tokens, the output that fits and whether calls are open."""
    limits = run.limits
    if not ask.imputed or limits.count_imputed:
        if limits.max_cost:
            left = limits.max_cost - run.counted() - run.compute(now) - run.spoken_for()
            yield fit_output(Pico(left), ask, holds), run.open_calls > 0
        if limits.max_cost_per_call and holds.mode is HoldMode.HARD:
            yield fit_output(limits.max_cost_per_call, ask, holds), False
    for account, balance in caps:
        if not account.cap.refuses:
            continue
        ceiling, others_open = account.ceiling(balance), balance.open_calls > 0
        if ceiling.max_cost and (not ask.imputed or account.cap.count_imputed):
            left = ceiling.max_cost - account.spent(balance) - account.held(balance)
            yield fit_output(Pico(left), ask, holds), others_open
        if ceiling.max_tokens:
            used = balance.tokens.input + balance.tokens.output + balance.held_tokens
            yield fit_tokens(ceiling.max_tokens - used, ask, holds), others_open
