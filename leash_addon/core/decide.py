"""The decision: one call against one run's balance, at one moment.

Every boundary is asked. A trip that ends the run wins over one that refuses the call, and that
over one that only asks to wait; among equals the fixed order of the boundaries decides.
"""

from leash_addon.core.ask import Ask, OnBlind, expected_hold
from leash_addon.core.balance import Balance
from leash_addon.core.boundaries import boundaries
from leash_addon.core.money import Instant
from leash_addon.core.verdict import Allow, Effect, Reason, Trip, Verdict

_RANK = {Effect.STOP: 0, Effect.REFUSE: 1, Effect.PASSING: 2}


def decide(ask: Ask, balance: Balance, now: Instant) -> Verdict:
    """Allow the call, with the money to hold for it, or say which limit says no."""
    hold = expected_hold(ask, balance)
    limits = balance.limits
    trips = [
        trip
        for boundary in boundaries(limits)
        if (trip := boundary.check(balance, hold, now)) is not None
    ]
    blind = blind_trip(ask, balance)
    if blind is not None:
        trips.append(blind)
    return min(trips, key=lambda trip: _RANK[trip.effect]) if trips else Allow(hold=hold)


def blind_trip(ask: Ask, balance: Balance) -> Trip | None:
    """Refuse a call that nobody could put a price on, where a dollar limit depends on one."""
    limits = balance.limits
    if not limits.counts_money or ask.on_blind is not OnBlind.REFUSE:
        return None
    if ask.imputed and not limits.count_imputed:
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
