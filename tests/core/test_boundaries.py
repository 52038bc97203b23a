"""Each boundary, at its limit and one step before it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.core.balance import Balance, fold
from leash_addon.core.boundaries import (
    SHORT,
    Boundary,
    CallBudget,
    CallCost,
    CostBudget,
    Deadline,
    InFlight,
    Stall,
    Stopped,
    TokenRate,
    boundaries,
    show_span,
)
from leash_addon.core.journal import CallSettled, LimitsRaised, Tokens
from leash_addon.core.limits import Limits, TokenWindow
from leash_addon.core.money import SECOND, Instant, Pico, usd
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.verdict import Effect, Reason

START = Instant(1_700_000_000 * SECOND)
STOP, REFUSE, PASSING = Effect.STOP, Effect.REFUSE, Effect.PASSING
FIVE, NOTHING = usd("5"), usd("0")
HOUR = Limits(max_cost=FIVE, compute_rate=usd("3.6"))


def after(seconds: float) -> Instant:
    """Return a moment so long after the first call."""
    return Instant(START + round(seconds * SECOND))


@pytest.mark.parametrize(
    ("boundary", "balance", "expected"),
    [
        pytest.param(Stopped(), Balance(), None, id="not stopped"),
        pytest.param(
            Stopped(), Balance(stopped=Reason.STALL), (Reason.STALL, STOP), id="stopped before"
        ),
        pytest.param(
            Stopped(), Balance(stopped=Reason.KILL), (Reason.KILL, STOP), id="killed by hand"
        ),
        pytest.param(Deadline(60), Balance(), None, id="no call yet, no deadline"),
        pytest.param(
            Deadline(60),
            Balance(first_call_at=Instant(after(100) - 60 * SECOND + 1)),
            None,
            id="a microsecond before the deadline",
        ),
        pytest.param(
            Deadline(60),
            Balance(first_call_at=Instant(after(100) - 60 * SECOND)),
            (Reason.DEADLINE, STOP),
            id="at the deadline",
        ),
        pytest.param(CostBudget(FIVE), Balance(spent=Pico(FIVE - 1)), None, id="a pico left"),
        pytest.param(
            CostBudget(FIVE), Balance(spent=FIVE), (Reason.COST_BUDGET, STOP), id="at the limit"
        ),
        pytest.param(
            CostBudget(FIVE),
            Balance(spent=usd("4"), held=usd("0.9"), open_calls=1),
            None,
            id="holds fit exactly",
        ),
        pytest.param(
            CostBudget(FIVE),
            Balance(spent=usd("4"), held=Pico(usd("0.9") + 1), open_calls=1),
            (Reason.HELD, PASSING),
            id="holds are a pico too much",
        ),
        pytest.param(
            CostBudget(FIVE),
            Balance(spent=usd("4.99"), open_calls=0),
            None,
            id="a lone call may overshoot",
        ),
        pytest.param(
            CostBudget(FIVE),
            Balance(imputed=usd("50"), spent=usd("1")),
            None,
            id="imputed money does not count",
        ),
        pytest.param(
            CostBudget(FIVE),
            Balance(imputed=usd("4"), spent=usd("1"), limits=Limits(count_imputed=True)),
            (Reason.COST_BUDGET, STOP),
            id="imputed money counts when asked for",
        ),
        pytest.param(
            CostBudget(FIVE),
            Balance(first_call_at=after(-4899), limits=HOUR),
            None,
            id="a second of compute left",
        ),
        pytest.param(
            CostBudget(FIVE),
            Balance(first_call_at=after(-4900), limits=HOUR),
            (Reason.COST_BUDGET, STOP),
            id="compute alone is the budget",
        ),
        pytest.param(CallBudget(3), Balance(calls=2), None, id="one call left"),
        pytest.param(CallBudget(3), Balance(calls=3), (Reason.CALL_BUDGET, STOP), id="none left"),
        pytest.param(Stall(3), Balance(repeats=2), None, id="twice the same"),
        pytest.param(Stall(3), Balance(repeats=3), (Reason.STALL, STOP), id="three times the same"),
        pytest.param(CallCost(usd("0.1")), Balance(), None, id="the hold is the limit"),
        pytest.param(
            CallCost(Pico(usd("0.1") - 1)),
            Balance(),
            (Reason.CALL_COST, REFUSE),
            id="the hold is a pico too much",
        ),
        pytest.param(InFlight(2), Balance(open_calls=1), None, id="a place is free"),
        pytest.param(
            InFlight(2), Balance(open_calls=2), (Reason.IN_FLIGHT, PASSING), id="every place taken"
        ),
    ],
)
def test_a_boundary_says_no_exactly_at_its_limit(
    boundary: Boundary, balance: Balance, expected: tuple[Reason, Effect] | None
) -> None:
    """One step before it the answer is yes; the call holds ten cents, the first was 100 s ago."""
    trip = boundary.check(balance, usd("0.1"), after(100))
    assert (None if trip is None else (trip.reason, trip.effect)) == expected


def test_the_order_is_kill_deadline_cost_calls_rate_stall_and_then_the_calls_own() -> None:
    """With everything on, the boundaries stand in their fixed order."""
    limits = Limits(
        max_cost=FIVE,
        max_cost_per_call=FIVE,
        max_calls=1,
        max_inflight=1,
        deadline=1,
        rate=TokenWindow(tokens=1, seconds=1),
        stall=1,
    )
    kinds = [Stopped, Deadline, CostBudget, CallBudget, TokenRate, Stall, CallCost, InFlight]
    assert [type(boundary) for boundary in boundaries(limits)] == kinds


def test_a_zero_turns_every_boundary_off_but_kill() -> None:
    """No limits leave one boundary: stopped stays stopped."""
    assert boundaries(Limits()) == (Stopped(),)


def test_the_deadline_does_not_come_nearer_when_the_clock_steps_back() -> None:
    """A moment before the first call is not past its deadline."""
    balance = Balance(first_call_at=START)
    assert Deadline(1).check(balance, NOTHING, after(-3600)) is None


def test_messages_name_the_amounts() -> None:
    """A person reads what is spent, what is held, and how much there was."""
    balances = [Balance(spent=FIVE), Balance(spent=usd("4"), held=usd("2"), open_calls=3)]
    trips = [CostBudget(FIVE).check(balance, NOTHING, START) for balance in balances]
    assert [trip and trip.message for trip in trips] == [
        "the budget of $5.00 is spent ($5.00)",
        "$2.00 of the budget of $5.00 is held by 3 open calls",
    ]


@pytest.mark.parametrize(
    ("balance", "message"),
    [
        pytest.param(
            Balance(stopped=Reason.STALL, stop_message="it was so"), "it was so", id="as recorded"
        ),
        pytest.param(Balance(stopped=Reason.KILL), "the run was killed", id="a kill"),
        pytest.param(Balance(stopped=Reason.STALL), "the run was stopped", id="nothing recorded"),
    ],
)
def test_a_stopped_run_says_what_stopped_it(balance: Balance, message: str) -> None:
    """The message of the stop is repeated on every later call."""
    trip = Stopped().check(balance, NOTHING, START)
    assert trip is not None
    assert trip.message == message


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (90, "1m30s"), (900, "15m"), (5400, "1h30m"), (172_800, "2d"), (86_461, "1d1m1s")],
    ids=str,
)
def test_spans_are_shown_as_people_write_them(seconds: int, shown: str) -> None:
    """The largest units first, and no zeros."""
    assert show_span(seconds) == shown


# The trailing window of tokens.

WINDOW = TokenWindow(tokens=100, seconds=60)


def settled(at: Instant, tokens: int) -> CallSettled:
    """Return the end of a call that used so many tokens."""
    return CallSettled(
        run="r",
        at=at,
        call="c",
        accounts=("r",),
        hold=NOTHING,
        cost=NOTHING,
        confidence=Confidence.MEASURED,
        outcome=Outcome.COMPLETE,
        tokens=Tokens(input=tokens - tokens // 3, output=tokens // 3),
    )


def used(events: list[tuple[float, int]], window: TokenWindow = WINDOW) -> Balance:
    """Return a balance after calls that ended at so many seconds with so many tokens."""
    balance = Balance(limits=Limits(rate=window), open_calls=len(events))
    for seconds, tokens in events:
        balance = fold(balance, settled(after(seconds), tokens))
    return balance


@pytest.mark.parametrize(
    ("events", "now", "wait"),
    [
        pytest.param([(0, 99)], 0, None, id="a token left"),
        pytest.param([(0, 100)], 0, 61, id="full: wait for the slot to leave"),
        pytest.param([(0, 100)], 30.5, 30.5, id="half the wait later"),
        pytest.param([(0, 100)], 60.9, SHORT, id="never asked to come back within a second"),
        pytest.param([(0, 100)], 61, None, id="out of the window"),
        pytest.param([(0, 60), (30, 60)], 30, 31, id="the older half is enough"),
        pytest.param([(0, 60), (30, 160)], 30, 61, id="the older half is not enough"),
        pytest.param([(0, 50), (30, 100)], 30, 61, id="the older half leaves it just full"),
        pytest.param([(0, 5), (30, 160)], 70, 21, id="the older one is gone"),
        pytest.param(
            [(0.9, 99), (60.5, 1)], 60.5, SHORT, id="the oldest slot counts to its last moment"
        ),
        pytest.param([(60, 50), (0, 50)], 0, 121, id="a slot exactly one window ahead is kept"),
    ],
)
def test_the_rate_asks_to_wait_until_enough_tokens_have_left(
    events: list[tuple[float, int]], now: float, wait: float | None
) -> None:
    """The wait ends when the first slot whose leaving makes room has left."""
    trip = TokenRate(WINDOW).check(used(events), NOTHING, after(now))
    assert (None if trip is None else trip.retry_after) == wait


EVENTS = st.lists(
    st.tuples(st.integers(0, 600_000_000), st.integers(0, 80)), min_size=1, max_size=40
).map(lambda events: sorted((at / SECOND, tokens) for at, tokens in events))
WINDOWS = st.builds(
    TokenWindow, tokens=st.integers(1, 300), seconds=st.sampled_from([1, 7, 60, 90, 600, 3600])
)


@given(events=EVENTS, window=WINDOWS, later=st.floats(0, 700))
def test_trailing_window_never_forgets_early(
    events: list[tuple[float, int]], window: TokenWindow, later: float
) -> None:
    """While the tokens of the last window reach the limit, no call is let through."""
    now = after(events[-1][0] + later)
    true = sum(tokens for at, tokens in events if after(at) > now - window.seconds * SECOND)
    trip = TokenRate(window).check(used(events, window), NOTHING, now)
    assert trip is not None or true < window.tokens


@given(events=EVENTS, window=WINDOWS)
def test_trailing_window_forgets_within_a_sixtieth(
    events: list[tuple[float, int]], window: TokenWindow
) -> None:
    """Nothing of it is left one window, one slot and one second after the last token."""
    now = after(events[-1][0] + window.seconds + max(1, window.seconds / 60) + 1)
    assert TokenRate(window).check(used(events, window), NOTHING, now) is None


@given(events=EVENTS, window=WINDOWS, later=st.floats(0, 100))
def test_waiting_as_long_as_asked_is_enough(
    events: list[tuple[float, int]], window: TokenWindow, later: float
) -> None:
    """A client that comes back after ``retry_after`` is not refused again."""
    balance, now = used(events, window), after(events[-1][0] + later)
    trip = TokenRate(window).check(balance, NOTHING, now)
    if trip is not None:
        assert trip.retry_after is not None
        back = Instant(now + round(trip.retry_after * SECOND) + 1)
        assert TokenRate(window).check(balance, NOTHING, back) is None


@given(events=EVENTS, window=WINDOWS, new=WINDOWS, later=st.floats(0, 700))
def test_a_changed_window_forgets_nothing_early(
    events: list[tuple[float, int]], window: TokenWindow, new: TokenWindow, later: float
) -> None:
    """What the old window still knew counts in the new one for as long as it is there."""
    last = after(events[-1][0])
    raised = LimitsRaised(run="r", at=last, limits=Limits(rate=new))
    balance = fold(used(events, window), raised)
    now = Instant(last + round(later * SECOND))
    span = min(window.seconds, new.seconds) * SECOND
    known = [(at, tokens) for at, tokens in events if after(at) > now - span]
    true = sum(tokens for at, tokens in known if after(at) > last - span)
    trip = TokenRate(new).check(balance, NOTHING, now)
    assert trip is not None or true < new.tokens


def test_a_shorter_window_keeps_what_stood_in_a_longer_slot() -> None:
    """Tokens at the end of a slot of a minute count for the whole of the new, shorter window."""
    end_of_slot = 99  # START is 20 s into a minute
    hour = used([(end_of_slot, 100)], TokenWindow(tokens=100, seconds=3600))
    raised = fold(
        hour, LimitsRaised(run="r", at=after(end_of_slot + 30), limits=Limits(rate=WINDOW))
    )
    trips = [TokenRate(WINDOW).check(raised, NOTHING, after(end_of_slot + n)) for n in (59, 62)]
    assert [trip is not None for trip in trips] == [True, False]


def test_a_much_shorter_window_does_not_take_its_slots_for_the_future() -> None:
    """A slot is moved to the moment of the change at most, so that it still counts."""
    hour = used([(0, 100)], TokenWindow(tokens=100, seconds=3600))
    second = TokenWindow(tokens=100, seconds=1)
    raised = fold(hour, LimitsRaised(run="r", at=START, limits=Limits(rate=second)))
    trips = [TokenRate(second).check(raised, NOTHING, after(later)) for later in (0, 0.9, 2)]
    assert [trip is not None for trip in trips] == [True, True, False]


@pytest.mark.parametrize(
    ("old", "new"), [(None, WINDOW), (WINDOW, None), (None, None)], ids=["on", "off", "none"]
)
def test_turning_the_rate_on_or_off_starts_with_an_empty_window(
    old: TokenWindow | None, new: TokenWindow | None
) -> None:
    """Without a rate nothing is kept, so that there is nothing to go on."""
    balance = fold(Balance(limits=Limits(rate=old), open_calls=1), settled(START, 100))
    raised = fold(balance, LimitsRaised(run="r", at=START, limits=Limits(rate=new)))
    assert raised.recent == ()


def test_the_window_keeps_a_bounded_number_of_slots() -> None:
    """However many calls end in it, a window is some sixty slots."""
    balance = used([(second, 1) for second in range(1000)])
    assert len(balance.recent) <= 62


def test_a_clock_that_steps_back_a_little_forgets_nothing() -> None:
    """Tokens of slots that are now ahead still count, and new ones beside them."""
    balance = used([(100, 60), (90, 60)])
    trip = TokenRate(WINDOW).check(balance, NOTHING, after(90))
    assert trip is not None
    assert trip.message.startswith("120 tokens")


@pytest.mark.parametrize(
    ("ahead", "counts"), [(60, True), (61, False)], ids=["one window", "a second more"]
)
def test_tokens_count_until_they_are_more_than_a_window_ahead(ahead: int, counts: bool) -> None:
    """Beyond one window a slot of the future is out of the way."""
    trip = TokenRate(WINDOW).check(used([(ahead, 100)]), NOTHING, START)
    assert (trip is not None) == counts


def test_a_clock_that_steps_back_far_neither_blocks_nor_opens_the_window() -> None:
    """Slots a day ahead are out of the way at once; tokens used since then count."""
    day = 86_400
    ahead = used([(day, 100)])
    again = used([(day, 100), (0, 100)])
    trips = [TokenRate(WINDOW).check(balance, NOTHING, after(1)) for balance in (ahead, again)]
    assert [trip is None for trip in trips] == [True, False]
