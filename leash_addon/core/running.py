"""What ends calls that are already running, where users asked for that (``cut``).

Only what is hard: a kill, a stop for money or by the clock, and money itself, of which a running
call's part is known by what has come so far. A run that has used its last call up may finish it.
"""

from msgspec.structs import replace

from leash_addon.core.balance import Balance
from leash_addon.core.boundaries import CostBudget, Deadline, Stopped
from leash_addon.core.money import ZERO, Instant, Pico, show_usd
from leash_addon.core.verdict import Effect, Reason, Trip

CUTTING = frozenset({Reason.KILL, Reason.DEADLINE, Reason.COST_BUDGET, Reason.SCREENING})
"""Reasons of a stopped run for which its running calls end, too."""


def trip_while_running(
    balance: Balance, running: Pico, costliest: Pico, now: Instant
) -> Trip | None:
    """Return what ends a run's calls, if anything does.

    ``running``: what its open calls have come to by now, as far as it counts as money;
    ``costliest``: the most of one of them.
    """
    if balance.stopped is not None:
        return Stopped().check(balance, ZERO, now) if balance.stopped in CUTTING else None
    limits = balance.limits
    if limits.deadline and (trip := Deadline(limits.deadline).check(balance, ZERO, now)):
        return trip
    if limits.max_cost:
        with_them = replace(balance, spent=Pico(balance.spent + running), open_calls=0)
        if trip := CostBudget(limits.max_cost).check(with_them, ZERO, now):
            return trip
    most = limits.max_cost_per_call
    return _too_dear(costliest, most) if most and costliest > most else None


def _too_dear(cost: Pico, limit: Pico) -> Trip:
    message = f"the call has come to {show_usd(cost)}; a single call may cost {show_usd(limit)}"
    return Trip(reason=Reason.CALL_COST, effect=Effect.REFUSE, message=message)
