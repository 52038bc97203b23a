"""The fold: what each entry does to a balance."""

from typing import Any

import pytest
from msgspec import json
from msgspec.structs import replace

from leash_addon.core.balance import EMPTY, Balance, fold, lifts
from leash_addon.core.journal import (
    CallAdjusted,
    CallOpened,
    CallRefused,
    CallSettled,
    Entry,
    LimitsRaised,
    RunFinished,
    RunKilled,
    RunStarted,
    RunStopped,
    Tokens,
    Warned,
)
from leash_addon.core.limits import NO_LIMITS, Limits, TokenWindow
from leash_addon.core.money import SECOND, Instant, Pico, usd
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.verdict import Effect, Reason

T0, T1, T2 = (Instant(1_700_000_000 * SECOND + n) for n in range(3))


def opened(at: Instant = T0, **changes: Any) -> CallOpened:  # noqa: ANN401 - any field
    """Return the opening of a call that holds 100."""
    entry = CallOpened(
        run="r", at=at, call="c", accounts=("r",), hold=Pico(100), provider="p", format="f"
    )
    return replace(entry, **changes)


def settled(**changes: Any) -> CallSettled:  # noqa: ANN401 - any field
    """Return the end of that call, at a cost of 70."""
    entry = CallSettled(
        run="r",
        at=T1,
        call="c",
        accounts=("r",),
        hold=Pico(100),
        cost=Pico(70),
        confidence=Confidence.MEASURED,
        outcome=Outcome.COMPLETE,
        tokens=Tokens(input=5, output=7, cache_read=1, cache_write=2, reasoning=3),
        usage={"input_tokens": 5, "output_tokens": 7},
        reply="x",
    )
    return replace(entry, **changes)


def folded(*entries: Entry, start: Balance = EMPTY) -> Balance:
    """Return the balance after some entries."""
    for entry in entries:
        start = fold(start, entry)
    return start


def test_an_open_call_counts_and_holds_money() -> None:
    """From the moment it is opened the call counts and its money is spoken for."""
    balance = folded(opened(T0), opened(T1))
    assert balance == Balance(
        calls=2, open_calls=2, held=Pico(200), first_call_at=T0, last_call_at=T1
    )


def test_a_settled_call_replaces_its_hold_by_its_cost() -> None:
    """Nothing is held any more, and everything that was used is added."""
    balance = folded(opened(), settled())
    assert balance == Balance(
        calls=1,
        settled=1,
        metered=1,
        spent=Pico(70),
        tokens=Tokens(input=5, output=7, cache_read=1, cache_write=2, reasoning=3),
        reply="x",
        repeats=1,
        first_call_at=T0,
        last_call_at=T0,
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, (70, 0, 1, 0), id="measured"),
        pytest.param({"imputed": True}, (0, 70, 1, 0), id="a subscription pays"),
        pytest.param(
            {"cost": None, "confidence": Confidence.UNPRICED}, (0, 0, 1, 1), id="unpriced, counted"
        ),
        pytest.param(
            {"cost": None, "confidence": Confidence.UNPRICED, "usage": {}}, (0, 0, 0, 1), id="blind"
        ),
        pytest.param(
            {"cost": Pico(100), "confidence": Confidence.HELD, "usage": {}},
            (100, 0, 0, 0),
            id="at its hold",
        ),
    ],
)
def test_what_a_settlement_adds_depends_on_how_sure_it_is(
    changes: dict[str, Any], expected: tuple[int, int, int, int]
) -> None:
    """Real money, a subscription's, metered and unpriced calls are kept apart."""
    balance = folded(opened(), settled(**changes))
    assert (balance.spent, balance.imputed, balance.metered, balance.unpriced) == expected


def test_what_a_subscription_will_pay_and_held_tokens_come_back_too() -> None:
    """Both are spoken for while the call is open, and gone when it ends; real money is not."""
    ask = opened(hold_tokens=50, imputed=True)
    during = folded(ask, opened())
    after = folded(settled(hold_tokens=50, imputed=True), start=during)
    shown = [(b.held, b.held_imputed, b.held_tokens, b.spoken_for()) for b in (during, after)]
    assert shown == [(200, 100, 50, 100), (100, 0, 0, 100)]


def test_a_late_settlement_adds_only_what_differs() -> None:
    """After a sweep the true cost comes as a difference, and the hold is not given back twice."""
    swept = settled(
        cost=Pico(100), usage={}, tokens=Tokens(), reply=None, confidence=Confidence.HELD
    )
    late = CallAdjusted(
        run="r",
        at=T2,
        call="c",
        accounts=("r",),
        cost=Pico(-30),
        confidence=Confidence.MEASURED,
        tokens=Tokens(input=5, output=7),
        usage={"input_tokens": 5},
    )
    balance = folded(opened(), swept, late)
    assert (balance.spent, balance.held, balance.open_calls, balance.settled) == (70, 0, 0, 1)
    assert (balance.metered, balance.tokens) == (1, Tokens(input=5, output=7))
    imputed = folded(opened(), swept, replace(late, imputed=True))
    assert (imputed.spent, imputed.imputed) == (100, -30)


def test_a_late_settlement_without_a_price_is_counted_as_unpriced() -> None:
    """What was booked at its hold stays, and the doubt is on record."""
    late = CallAdjusted(
        run="r", at=T2, call="c", accounts=("r",), cost=Pico(0), confidence=Confidence.UNPRICED
    )
    assert folded(late).unpriced == 1


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        pytest.param(["a", "a", "a"], ("a", 3), id="in a row"),
        pytest.param(["a", "a", "b"], ("b", 1), id="another one starts anew"),
        pytest.param(["a", "b", "a"], ("a", 1), id="not in a row"),
        pytest.param(["a", None, "a"], ("a", 2), id="a call without a reply does not interrupt"),
        pytest.param([None], (None, 0), id="no reply at all"),
    ],
)
def test_identical_replies_are_counted_in_a_row(
    replies: list[str | None], expected: tuple[str | None, int]
) -> None:
    """Only an answer that differs starts the count anew."""
    balance = folded(*(settled(reply=reply) for reply in replies))
    assert (balance.reply, balance.repeats) == expected


def test_the_first_refusal_is_remembered() -> None:
    """Refusals are counted, and the first one's moment stays."""
    refusals = [
        CallRefused(run="r", at=at, reason=Reason.HELD, effect=Effect.PASSING) for at in (T0, T1)
    ]
    balance = folded(*refusals)
    assert (balance.refused, balance.refused_at, balance.calls) == (2, T0, 0)


def test_a_run_that_starts_again_keeps_its_account() -> None:
    """A restart takes the new owner and is not finished; its first start and its spend stay."""
    first = RunStarted(run="r", at=T0, owner="one", program="sh", prices="p", limits=NO_LIMITS)
    again = RunStarted(run="r", at=T2, owner="two", program="py", prices="q", limits=NO_LIMITS)
    end = RunFinished(run="r", at=T1, owner="one", exit_code=7)
    ended = folded(first, opened(), settled(), end)
    balance = folded(again, start=ended)
    assert (ended.finished_at, ended.exit_code) == (T1, 7)
    assert (balance.finished_at, balance.exit_code, balance.owner) == (None, None, "two")
    assert (balance.started_at, balance.spent, balance.program) == (T0, 70, "py")


def test_the_first_reason_to_stop_stays() -> None:
    """Two processes may each find a reason; the run keeps the one that came first."""
    balance = folded(
        RunStopped(run="r", at=T0, reason=Reason.STALL, message="one"),
        RunStopped(run="r", at=T1, reason=Reason.COST_BUDGET, message="two"),
    )
    assert (balance.stopped, balance.stopped_at, balance.stop_message) == (Reason.STALL, T0, "one")


def test_a_kill_by_hand_overrides_and_stays() -> None:
    """Someone's kill is the last word, whatever stopped the run before or would stop it after."""
    stop = RunStopped(run="r", at=T0, reason=Reason.STALL, message="one")
    balance = folded(stop, RunKilled(run="r", at=T1, by="me"), stop)
    assert (balance.stopped, balance.stopped_at, balance.stop_message) == (Reason.KILL, T1, "")


LIMITS = Limits(max_cost=usd("5"), max_calls=5, deadline=5, stall=5)
HIGHER = Limits(max_cost=usd("6"), max_calls=6, deadline=6, stall=6)


@pytest.mark.parametrize(
    ("reason", "limits", "expected"),
    [
        *(
            pytest.param(reason, limits, limits != LIMITS, id=f"{reason} {name}")
            for reason in (Reason.COST_BUDGET, Reason.CALL_BUDGET, Reason.DEADLINE, Reason.STALL)
            for name, limits in (("same", LIMITS), ("higher", HIGHER), ("off", NO_LIMITS))
        ),
        pytest.param(Reason.COST_BUDGET, Limits(max_cost=usd("4")), False, id="cost lower"),
        pytest.param(Reason.CALL_BUDGET, replace(HIGHER, max_calls=5), False, id="another raised"),
        pytest.param(Reason.METER_BLIND, HIGHER, False, id="blind, dollars still count"),
        pytest.param(Reason.METER_BLIND, Limits(max_calls=9), True, id="blind, no dollar limit"),
        pytest.param(
            Reason.METER_BLIND, Limits(max_cost_per_call=Pico(1)), False, id="blind, per call"
        ),
        pytest.param(Reason.SERVER_TOOL_UNPRICED, NO_LIMITS, True, id="tool, no dollar limit"),
        pytest.param(Reason.UNPRICED_MODEL, NO_LIMITS, True, id="model, no dollar limit"),
        pytest.param(Reason.KILL, NO_LIMITS, False, id="a kill is not a limit"),
    ],
)
def test_only_raising_the_limit_that_stopped_a_run_lifts_the_stop(
    reason: Reason, limits: Limits, expected: bool
) -> None:
    """Stopped stays stopped until that limit is raised on the record."""
    balance = Balance(stopped=reason, stopped_at=T0, stop_message="m", limits=LIMITS)
    raised = fold(balance, LimitsRaised(run="r", at=T1, limits=limits))
    assert lifts(balance, limits) == expected
    assert (raised.stopped, raised.stopped_at, raised.stop_message, raised.limits) == (
        (None, None, "", limits) if expected else (reason, T0, "m", limits)
    )


def test_a_warning_is_remembered() -> None:
    """The fold keeps which limits have warned."""
    entries = [Warned(run="r", at=T0, limit=name, at_thousandths=800) for name in ("a", "b")]
    assert folded(*entries).warned == ("a", "b")


HOUR = 3600 * SECOND


@pytest.mark.parametrize(
    ("balance", "at", "cost"),
    [
        pytest.param(Balance(), T0 + HOUR, 0, id="no call yet"),
        pytest.param(Balance(first_call_at=T0), T0, 0, id="at the first call"),
        pytest.param(Balance(first_call_at=T0), T0 + HOUR, 4 * 10**12, id="an hour"),
        pytest.param(Balance(first_call_at=T0), T0 + 1, 1112, id="rounded up"),
        pytest.param(Balance(first_call_at=T0), T0 - HOUR, 0, id="a clock that stepped back"),
        pytest.param(
            Balance(first_call_at=T0, stopped_at=Instant(T0 + HOUR // 2)),
            T0 + HOUR,
            2 * 10**12,
            id="stands still once stopped",
        ),
        pytest.param(
            Balance(first_call_at=T0, finished_at=Instant(T0 + HOUR // 4)),
            T0 + HOUR,
            10**12,
            id="stands still once finished",
        ),
        pytest.param(
            Balance(first_call_at=T0, stopped_at=Instant(T0 - 1)), T0 + HOUR, 0, id="stopped before"
        ),
    ],
)
def test_compute_counts_wall_clock_from_the_first_call(
    balance: Balance, at: int, cost: int
) -> None:
    """Four dollars an hour, until the run ends; never below zero."""
    limited = replace(balance, limits=Limits(compute_rate=usd("4")))
    assert limited.compute(Instant(at)) == cost


def test_without_a_rate_there_is_no_compute() -> None:
    """A zero turns the meter off."""
    assert Balance(first_call_at=T0).compute(Instant(T0 + HOUR)) == 0


def test_usual_output_is_the_mean_of_metered_calls_rounded_up() -> None:
    """Before the first of them it is what it is told."""
    balance = Balance(metered=3, tokens=Tokens(output=10))
    assert (balance.usual_output(1000), EMPTY.usual_output(1000)) == (4, 1000)


def test_a_balance_survives_being_written_and_read() -> None:
    """What the ledger stores is what it reads back."""
    limits = Limits(max_cost=usd("5"), rate=TokenWindow(tokens=5, seconds=60))
    started = RunStarted(run="r", at=T0, owner="o", limits=limits)
    balance = folded(started, opened(), settled())
    assert json.decode(json.encode(balance), type=Balance) == balance


def test_entries_survive_being_written_and_read() -> None:
    """An entry reads back as the same entry of the same kind."""
    entries: list[Entry] = [
        opened(),
        settled(cost=None, flag=Reason.METER_BLIND),
        RunStarted(run="r", at=T0, owner="o", limits=LIMITS),
        CallRefused(run="r", at=T0, reason=Reason.HELD, effect=Effect.PASSING),
        RunKilled(run="r", at=T0),
    ]
    assert json.decode(json.encode(entries), type=list[Entry]) == entries
