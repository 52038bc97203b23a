"""The decision: one call against one run's balance, at one moment.

Every boundary is asked. A trip that ends the run wins over one that refuses the call, and that
over one that only asks to wait; among equals the fixed order of the boundaries decides.
"""

from leash_addon.core.ask import Ask, OnBlind
from leash_addon.core.balance import Balance
from leash_addon.core.boundaries import Boundary, CallCost, CostBudget, boundaries
from leash_addon.core.bounds import Size, size
from leash_addon.core.holds import EXPECTED, HardBudget, HoldMode, Holds
from leash_addon.core.limits import Limits
from leash_addon.core.money import ZERO, Instant
from leash_addon.core.verdict import Allow, Effect, Reason, Trip, Verdict

RANK = {Effect.STOP: 0, Effect.REFUSE: 1, Effect.PASSING: 2}


def decide(
    ask: Ask, balance: Balance, now: Instant, holds: Holds = EXPECTED, sized: Size | None = None
) -> Verdict:
    """Allow the call, with the money to hold for it, or say which limit says no.

    ``sized``: the call's size where the caller has it already.
    """
    sized = size(ask, balance, holds) if sized is None else sized
    counts = not ask.imputed or balance.limits.count_imputed
    hold, estimate = (sized.hold, sized.estimate) if counts else (ZERO, ZERO)
    answers = [
        boundary.check(
            balance, max(hold, estimate) if isinstance(boundary, CallCost) else hold, now
        )
        for boundary in boundaries_of(balance.limits, holds.mode)
    ]
    answers = [hostile_trip(ask), *answers, blind_trip(ask, balance)]
    trips = [trip for trip in answers if trip is not None]
    if trips:
        return min(trips, key=lambda trip: RANK[trip.effect])
    return Allow(hold=hold, estimate=estimate if holds.mode is HoldMode.SETTLED else ZERO)


def hostile_trip(ask: Ask) -> Trip | None:
    """Refuse a call in which screening found what must not go upstream; its run goes on."""
    if not ask.hostile:
        return None
    return Trip(reason=Reason.SCREENING, effect=Effect.REFUSE, message=ask.hostile)


def boundaries_of(limits: Limits, mode: HoldMode) -> tuple[Boundary, ...]:
    """Return the boundaries that are on; with hard holds the budget has no room to overshoot."""
    found = boundaries(limits)
    if mode is not HoldMode.HARD:
        return found
    return tuple(HardBudget(one.limit) if isinstance(one, CostBudget) else one for one in found)


def blind_trip(ask: Ask, balance: Balance) -> Trip | None:
    """Refuse a call that nobody could put a price on, where a dollar limit depends on one."""
    limits = balance.limits
    if not limits.counts_money or (ask.imputed and not limits.count_imputed):
        return None
    return unpriceable(ask)


def unpriceable(ask: Ask) -> Trip | None:
    """Refuse a call without a price, unless it was said that such calls may pass."""
    if ask.on_blind is not OnBlind.REFUSE:
        return None
    if ask.blind is not None:
        message = "this endpoint cannot be metered, and a dollar limit is on"
        return Trip(reason=ask.blind, effect=Effect.REFUSE, message=message)
    if ask.card is None:
        message = (
            f"nobody prices the model {ask.model or '(none named)'} at {ask.provider}, and a "
            "dollar limit is on; name its price with --prices, or set on_blind = warn"
        )
        return Trip(reason=Reason.UNPRICED_MODEL, effect=Effect.REFUSE, message=message)
    return None
