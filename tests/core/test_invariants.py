"""The invariants of the README that the pure core carries, over random interleavings.

A little world of one run: calls ask and are decided, open ones end with some cost, the clock
moves on or steps back, the process dies and is swept. Whatever a test does, every entry goes
through the one fold, as in the ledger.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from leash_addon.core.ask import Ask, expected_hold
from leash_addon.core.balance import EMPTY, Balance, fold
from leash_addon.core.decide import decide
from leash_addon.core.journal import (
    CallOpened,
    CallRefused,
    CallSettled,
    Entry,
    LimitsRaised,
    RunStarted,
    RunStopped,
    Tokens,
)
from leash_addon.core.limits import Limits, TokenWindow
from leash_addon.core.money import SECOND, ZERO, Instant, Pico
from leash_addon.core.pricing import RateCard, Rates
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.verdict import Allow, Effect, Reason, Trip, Verdict

START = Instant(1_700_000_000 * SECOND)
CARD = RateCard(table="t", name="m", rates=Rates(input=Decimal("0.000001"), output=Decimal(0)))
"""One picodollar for a token of input, so that an ask of n tokens holds n picodollars."""


@dataclass(kw_only=True)
class World:
    """A run, its journal and its clock."""

    limits: Limits
    now: Instant = START
    balance: Balance = EMPTY
    journal: list[Entry] = field(default_factory=list)
    open: list[CallOpened] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start the run."""
        self.write(RunStarted(run="r", at=self.now, owner="o", limits=self.limits))

    def write(self, entry: Entry) -> None:
        """Append an entry and fold it, in one step as the ledger does."""
        self.journal.append(entry)
        self.balance = fold(self.balance, entry)

    def ask(self, tokens: int) -> Verdict:
        """Let a call ask, and write what the decision says."""
        ask = Ask(
            run="r",
            call=str(len(self.journal)),
            accounts=("r",),
            provider="p",
            format="f",
            model="m",
            input_tokens=tokens,
            max_output=0,
            card=CARD,
        )
        verdict = decide(ask, self.balance, self.now)
        self.verdicts.append(verdict)
        match verdict:
            case Allow(hold=hold):
                opened = CallOpened(
                    run="r",
                    at=self.now,
                    call=ask.call,
                    accounts=("r",),
                    hold=hold,
                    provider="p",
                    format="f",
                )
                self.open.append(opened)
                self.write(opened)
            case Trip(reason=reason, effect=effect):
                self.write(CallRefused(run="r", at=self.now, reason=reason, effect=effect))
                if effect is Effect.STOP and self.balance.stopped is None:
                    self.write(RunStopped(run="r", at=self.now, reason=reason))
        return verdict

    def end(self, which: int, cost: Callable[[Pico], int]) -> None:
        """End one of the open calls, at a cost that depends on what it held."""
        if self.open:
            call = self.open.pop(which % len(self.open))
            self.write(
                CallSettled(
                    run="r",
                    at=self.now,
                    call=call.call,
                    accounts=("r",),
                    hold=call.hold,
                    cost=Pico(cost(call.hold)),
                    confidence=Confidence.MEASURED,
                    outcome=Outcome.COMPLETE,
                    tokens=Tokens(input=cost(call.hold)),
                )
            )


ASKS = st.tuples(st.just("ask"), st.integers(0, 60))
ENDS = st.tuples(st.just("end"), st.integers(0, 9))
CLOCK = st.tuples(st.just("clock"), st.integers(-120, 300))
ACTIONS = st.lists(st.one_of(ASKS, ASKS, ENDS, CLOCK), max_size=60)
LIMITS = st.builds(
    Limits,
    max_cost=st.integers(0, 200).map(Pico),
    max_calls=st.integers(0, 12),
    max_inflight=st.integers(0, 4),
    deadline=st.sampled_from([0, 0, 400]),
    rate=st.none() | st.builds(TokenWindow, tokens=st.integers(1, 90), seconds=st.just(60)),
    compute_rate=st.sampled_from([0, 3_600, 36_000]).map(Pico),
)


def lived(
    limits: Limits,
    actions: list[tuple[str, int]],
    cost: Callable[[Pico], int] = int,
    watch: Callable[[World], None] = lambda _: None,
) -> World:
    """Play actions in a new world; ``watch`` is called after each."""
    world = World(limits=limits)
    for kind, number in actions:
        if kind == "ask":
            world.ask(number)
        elif kind == "end":
            world.end(number, cost)
        else:
            world.now = Instant(world.now + number * SECOND)
        watch(world)
    return world


@given(limits=LIMITS, actions=ACTIONS)
def test_admitted_calls_never_exceed_max_calls(
    limits: Limits, actions: list[tuple[str, int]]
) -> None:
    """However calls ask and end, no more are admitted than the run may make."""
    world = lived(limits, actions)
    admitted = [verdict for verdict in world.verdicts if isinstance(verdict, Allow)]
    assert len(admitted) == world.balance.calls
    assert not limits.max_calls or len(admitted) <= limits.max_calls


@given(limits=LIMITS, actions=ACTIONS)
def test_open_calls_never_exceed_max_inflight(
    limits: Limits, actions: list[tuple[str, int]]
) -> None:
    """At every moment no more calls are open than may be, and the fold knows which are."""
    counts: list[tuple[int, int]] = []
    lived(limits, actions, watch=lambda w: counts.append((len(w.open), w.balance.open_calls)))
    assert all(true == known for true, known in counts)
    assert not limits.max_inflight or all(true <= limits.max_inflight for true, _ in counts)


@given(limits=LIMITS, actions=ACTIONS)
def test_parallel_calls_cannot_pile_up_past_the_budget(
    limits: Limits, actions: list[tuple[str, int]]
) -> None:
    """Spent and held stay within the budget and the one call that may overshoot it alone."""
    reached: list[int] = [0]
    holds: list[int] = [0]

    def watch(world: World) -> None:
        reached.append(world.balance.spent + world.balance.held)
        holds.extend(call.hold for call in world.open)

    lived(limits, actions, watch=watch)
    assert not limits.max_cost or max(reached) <= max(0, limits.max_cost - 1) + max(holds)


@given(limits=LIMITS, actions=ACTIONS)
def test_beside_an_open_call_only_what_fits_is_admitted(
    limits: Limits, actions: list[tuple[str, int]]
) -> None:
    """A second call is admitted only if everything spent and held fits the budget with it."""
    world = World(limits=limits)
    beside: list[int] = []
    for kind, number in actions:
        before = world.balance
        if kind == "ask" and isinstance(world.ask(number), Allow) and before.open_calls:
            beside.append(world.balance.spent + world.balance.held)
        elif kind == "end":
            world.end(number, int)
    assert not limits.max_cost or all(total <= limits.max_cost for total in beside)


@given(
    spent=st.integers(0, 99),
    tokens=st.integers(0, 10**6),
    calls=st.integers(0, 10),
)
def test_a_lone_call_is_never_starved(spent: int, tokens: int, calls: int) -> None:
    """With budget left and nothing else open, a call goes, whatever it is expected to cost."""
    limits = Limits(max_cost=Pico(100), max_calls=11)
    world = World(limits=limits)
    world.balance = Balance(limits=limits, spent=Pico(spent), calls=calls, settled=calls)
    assert world.ask(tokens) == Allow(hold=Pico(tokens))


@given(limits=LIMITS, actions=ACTIONS, factor=st.integers(0, 5))
def test_fold_is_deterministic(limits: Limits, actions: list[tuple[str, int]], factor: int) -> None:
    """A journal read back from its bytes folds to the balance that was kept while it grew."""
    world = lived(limits, actions, cost=lambda hold: hold * factor)
    balance = EMPTY
    for entry in json.decode(json.encode(world.journal), type=list[Entry]):
        balance = fold(balance, entry)
    assert balance == world.balance


@given(limits=LIMITS, actions=ACTIONS, factor=st.integers(0, 5))
def test_a_hold_never_leaks(limits: Limits, actions: list[tuple[str, int]], factor: int) -> None:
    """What is held is what open calls hold; once all have ended, nothing is."""

    def watch(world: World) -> None:
        assert world.balance.held == sum(call.hold for call in world.open)

    world = lived(limits, actions, cost=lambda hold: hold * factor, watch=watch)
    while world.open:
        world.end(0, int)
    assert (world.balance.held, world.balance.open_calls) == (ZERO, 0)
    assert world.balance.settled == world.balance.calls


@given(limits=LIMITS, actions=ACTIONS, more=ACTIONS)
def test_stopped_stays_stopped(
    limits: Limits, actions: list[tuple[str, int]], more: list[tuple[str, int]]
) -> None:
    """After a stop every call is refused for the same reason, until a limit is raised."""
    world = lived(limits, actions)
    reason = world.balance.stopped
    if reason is None:
        return
    for kind, number in more:
        if kind == "end":
            world.end(number, int)
        elif kind == "clock":
            world.now = Instant(world.now + number * SECOND)
        else:
            verdict = world.ask(number)
            assert isinstance(verdict, Trip)
            assert (verdict.reason, verdict.effect) == (reason, Effect.STOP)
    raised = fold(world.balance, LimitsRaised(run="r", at=world.now, limits=Limits()))
    assert raised.stopped is None


@given(limits=LIMITS, actions=ACTIONS)
def test_a_refusal_that_waiting_cures_stops_nothing(
    limits: Limits, actions: list[tuple[str, int]]
) -> None:
    """Only a trip that ends the run is followed by a stop."""
    world = lived(limits, actions)
    stops = {
        verdict.reason
        for verdict in world.verdicts
        if isinstance(verdict, Trip) and verdict.effect is Effect.STOP
    }
    assert ({world.balance.stopped} if world.balance.stopped else set()) == stops


@given(limits=LIMITS, actions=ACTIONS)
def test_a_passing_refusal_says_when_to_come_back(
    limits: Limits, actions: list[tuple[str, int]]
) -> None:
    """Whoever is asked to wait is told how long, at least a second; others are not."""
    trips = [verdict for verdict in lived(limits, actions).verdicts if isinstance(verdict, Trip)]
    assert [trip for trip in trips if (trip.retry_after is None) == (not trip.final)] == []
    assert all(trip.retry_after is None or trip.retry_after >= 1 for trip in trips)


@given(limits=LIMITS, actions=ACTIONS)
def test_compute_is_never_negative_and_stands_still_once_stopped(
    limits: Limits, actions: list[tuple[str, int]]
) -> None:
    """Whatever the clock does, and however long a stopped run is looked at."""
    seen: list[int] = []
    world = lived(limits, actions, watch=lambda w: seen.append(w.balance.compute(w.now)))
    assert all(cost >= 0 for cost in seen)
    if world.balance.stopped_at is not None:
        at_stop = world.balance.compute(world.balance.stopped_at)
        assert world.balance.compute(Instant(world.now + 10**12)) == at_stop


@given(tokens=st.integers(0, 10**9), more=st.integers(0, 10**9))
def test_the_hold_grows_with_the_request(tokens: int, more: int) -> None:
    """A larger request never holds less."""
    asks = [
        Ask(run="r", call="c", accounts=("r",), provider="p", format="f", card=CARD, input_tokens=n)
        for n in (tokens, tokens + more)
    ]
    holds = [expected_hold(ask, EMPTY) for ask in asks]
    assert holds == sorted(holds)


def test_a_kill_holds_on_the_very_next_call() -> None:
    """A killed run refuses, limits or none."""
    world = World(limits=Limits())
    world.balance = Balance(stopped=Reason.KILL)
    verdict = world.ask(1)
    assert isinstance(verdict, Trip)
    assert (verdict.reason, verdict.message) == (Reason.KILL, "the run was killed")
