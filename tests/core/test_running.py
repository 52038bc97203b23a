"""What ends calls that are already running."""

import pytest
from msgspec.structs import replace

from leash_addon.core.balance import EMPTY
from leash_addon.core.limits import Limits
from leash_addon.core.money import SECOND, ZERO, Instant, Pico, usd
from leash_addon.core.running import trip_while_running
from leash_addon.core.verdict import Reason

NOW = Instant(1_000 * SECOND)
BUDGET = Limits(max_cost=usd("1"), deadline=60)
OPEN = replace(
    EMPTY,
    limits=BUDGET,
    calls=1,
    open_calls=1,
    spent=usd("0.5"),
    first_call_at=Instant(NOW - SECOND),
)


@pytest.mark.parametrize(
    ("changes", "running", "reason"),
    [
        pytest.param({}, usd("0.49"), None, id="money left"),
        pytest.param({}, usd("0.5"), Reason.COST_BUDGET, id="exactly at the budget"),
        pytest.param({"stopped": Reason.KILL}, ZERO, Reason.KILL, id="killed"),
        pytest.param({"stopped": Reason.SCREENING}, ZERO, Reason.SCREENING, id="hostile"),
        pytest.param({"stopped": Reason.CALL_BUDGET}, ZERO, None, id="its calls are used up"),
        pytest.param({"stopped": Reason.STALL}, ZERO, None, id="stalled"),
        pytest.param(
            {"first_call_at": Instant(NOW - 60 * SECOND)}, ZERO, Reason.DEADLINE, id="too late"
        ),
        pytest.param({"held": usd("9")}, ZERO, None, id="held money is not spent"),
    ],
)
def test_only_what_is_hard_ends_running_calls(
    changes: dict[str, object], running: Pico, reason: Reason | None
) -> None:
    """A kill, the clock and money that is gone end running calls; counts and holds do not."""
    trip = trip_while_running(replace(OPEN, **changes), running, ZERO, NOW)
    assert (trip and trip.reason) == reason


def test_one_call_may_cost_no_more_than_it_may() -> None:
    """A call that has come to more than a single one may cost ends."""
    limits = Limits(max_cost_per_call=usd("0.2"))
    balance = replace(OPEN, limits=limits)
    trips = [trip_while_running(balance, ZERO, usd(cost), NOW) for cost in ("0.2", "0.21")]
    assert [trip and trip.reason for trip in trips] == [None, Reason.CALL_COST]
