"""What a settlement sets off."""

import pytest

from leash_addon.core.after import stop_after, warnings
from leash_addon.core.ask import OnBlind
from leash_addon.core.balance import Balance, fold
from leash_addon.core.journal import CallSettled, LimitsRaised
from leash_addon.core.limits import Limits
from leash_addon.core.money import SECOND, ZERO, Instant, Pico, usd
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.verdict import Reason

NOW = Instant(1_700_000_000 * SECOND)
BUDGET = Limits(max_cost=usd("5"))


def settled(
    cost: Pico | None = None, *, imputed: bool = False, flag: Reason | None = None
) -> CallSettled:
    """Return the end of a call, blind unless it has a cost."""
    return CallSettled(
        run="r",
        at=NOW,
        call="c",
        accounts=("r",),
        hold=ZERO,
        cost=cost,
        confidence=Confidence.UNPRICED if cost is None else Confidence.MEASURED,
        outcome=Outcome.COMPLETE,
        imputed=imputed,
        flag=flag,
        notes=("no usage reported",),
    )


@pytest.mark.parametrize(
    ("call", "balance", "on_blind", "reason"),
    [
        pytest.param(
            settled(), Balance(limits=BUDGET), OnBlind.REFUSE, Reason.METER_BLIND, id="blind"
        ),
        pytest.param(
            settled(flag=Reason.SERVER_TOOL_UNPRICED),
            Balance(limits=BUDGET),
            OnBlind.REFUSE,
            Reason.SERVER_TOOL_UNPRICED,
            id="a tool without a price",
        ),
        pytest.param(settled(ZERO), Balance(limits=BUDGET), OnBlind.REFUSE, None, id="free"),
        pytest.param(settled(), Balance(), OnBlind.REFUSE, None, id="no dollar limit"),
        pytest.param(settled(), Balance(limits=BUDGET), OnBlind.WARN, None, id="only warn"),
        pytest.param(settled(), Balance(limits=BUDGET), OnBlind.ALLOW, None, id="allow"),
        pytest.param(
            settled(),
            Balance(limits=BUDGET, stopped=Reason.STALL),
            OnBlind.REFUSE,
            None,
            id="stopped already",
        ),
        pytest.param(
            settled(imputed=True), Balance(limits=BUDGET), OnBlind.REFUSE, None, id="a subscription"
        ),
        pytest.param(
            settled(imputed=True),
            Balance(limits=Limits(max_cost=usd("5"), count_imputed=True)),
            OnBlind.REFUSE,
            Reason.METER_BLIND,
            id="a subscription that counts",
        ),
    ],
)
def test_a_blind_call_stops_the_run_where_a_dollar_limit_needs_its_cost(
    call: CallSettled, balance: Balance, on_blind: OnBlind, reason: Reason | None
) -> None:
    """It was delivered once; the run ends, unless nothing depends on its cost."""
    stop = stop_after(call, balance, on_blind)
    assert (None if stop is None else stop.reason) == reason


def test_the_stop_says_why_the_call_could_not_be_metered() -> None:
    """The message carries the settlement's notes."""
    stop = stop_after(settled(), Balance(limits=BUDGET), OnBlind.REFUSE)
    assert stop is not None
    assert stop.message == "a call could not be metered (no usage reported)"


def warned(balance: Balance, now: Instant = NOW) -> list[str]:
    """Return the names of the limits that warn."""
    return [warning.limit for warning in warnings("r", balance, now)]


NEAR = Limits(max_cost=usd("5"), max_calls=10, deadline=100, warn_at=800)


@pytest.mark.parametrize(
    ("balance", "limits"),
    [
        pytest.param(Balance(limits=NEAR), [], id="nothing used"),
        pytest.param(Balance(limits=NEAR, spent=Pico(usd("4") - 1)), [], id="a pico before"),
        pytest.param(Balance(limits=NEAR, spent=usd("4")), ["max_cost"], id="at four fifths"),
        pytest.param(Balance(limits=NEAR, calls=7), [], id="a call before"),
        pytest.param(Balance(limits=NEAR, calls=8), ["max_calls"], id="calls"),
        pytest.param(
            Balance(limits=NEAR, first_call_at=Instant(NOW - 80 * SECOND + 1)), [], id="too early"
        ),
        pytest.param(
            Balance(limits=NEAR, first_call_at=Instant(NOW - 80 * SECOND)), ["deadline"], id="late"
        ),
        pytest.param(
            Balance(limits=Limits(deadline=1, warn_at=1000)), [], id="no call yet, no deadline"
        ),
        pytest.param(
            Balance(
                limits=Limits(deadline=1, warn_at=1000), first_call_at=Instant(NOW + 9 * SECOND)
            ),
            [],
            id="a clock that stepped back",
        ),
        pytest.param(
            Balance(limits=NEAR, spent=usd("5"), calls=10, first_call_at=Instant(0)),
            ["max_cost", "max_calls", "deadline"],
            id="all at once",
        ),
        pytest.param(
            Balance(limits=NEAR, spent=usd("5"), calls=10, warned=("max_cost",)),
            ["max_calls"],
            id="each once",
        ),
        pytest.param(
            Balance(limits=Limits(max_cost=usd("5")), spent=usd("5")), [], id="not asked for"
        ),
        pytest.param(
            Balance(limits=Limits(warn_at=800), spent=usd("5"), calls=99), [], id="no limits"
        ),
        pytest.param(
            Balance(
                limits=Limits(max_cost=usd("5"), warn_at=800, compute_rate=usd("3.6")),
                first_call_at=Instant(NOW - 4000 * SECOND),
            ),
            ["max_cost"],
            id="compute counts",
        ),
    ],
)
def test_a_limit_warns_at_the_fraction_that_was_asked_for(
    balance: Balance, limits: list[str]
) -> None:
    """Exactly there, and once."""
    assert warned(balance) == limits


def test_a_warning_says_how_much_of_what() -> None:
    """The message has both amounts."""
    balance = Balance(limits=NEAR, spent=usd("4.10"), calls=9, first_call_at=NOW)
    messages = [warning.message for warning in warnings("r", balance, NOW)]
    assert messages == ["$4.10 of $5.00 spent", "9 of 10 calls made"]


def test_a_raised_limit_warns_again_and_the_others_do_not() -> None:
    """Raising the budget forgets its warning only."""
    balance = Balance(limits=NEAR, spent=usd("9"), calls=10, warned=("max_cost", "max_calls"))
    limits = Limits(max_cost=usd("10"), max_calls=10, deadline=100, warn_at=800)
    raised = fold(balance, LimitsRaised(run="r", at=NOW, limits=limits))
    assert warned(raised) == ["max_cost"]
