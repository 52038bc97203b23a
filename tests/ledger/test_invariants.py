"""The ledger's invariants, for any interleaving of calls, crashes, sweeps, kills and raises."""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from leash_addon.core.balance import Balance
from leash_addon.core.buckets import Bucket
from leash_addon.core.caps import Action, Cap
from leash_addon.core.holds import HoldMode, Holds
from leash_addon.core.limits import Ceiling, Limits
from leash_addon.core.money import SECOND, Instant, Pico, usd
from leash_addon.core.rate_limits import RateLimit
from leash_addon.core.scopes import Scope, Target
from leash_addon.core.terms import Terms
from leash_addon.core.verdict import Allow, Reason, Trip
from leash_addon.core.windows import WindowKind
from leash_addon.ledger import Ledger, open_ledger
from leash_addon.ledger.owner import LEASE
from tests.ledger.world import START, World, make_ask, make_end

TOKEN = 1_000_000
"""What a token of the tests' price table costs, in picodollars."""

COSTS = st.integers(min_value=0, max_value=8).map(lambda tokens: tokens * TOKEN)
LIMITS = st.builds(
    Limits,
    max_cost=st.integers(min_value=0, max_value=20).map(lambda tokens: Pico(tokens * TOKEN)),
    max_calls=st.integers(min_value=0, max_value=12),
    max_inflight=st.integers(min_value=0, max_value=4),
    warn_at=st.sampled_from([0, 500]),
)


@pytest.fixture(scope="module", autouse=True)
def empty(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Make an empty ledger once; examples copy it."""
    TEMPLATE.append(tmp_path_factory.mktemp("empty") / "leash.db")
    open_ledger(TEMPLATE[0]).close()


TEMPLATE: list[Path] = []


def fresh_world() -> tuple[World, tempfile.TemporaryDirectory[str]]:
    """Return a world on a copy of the empty ledger, and the folder that it lives in."""
    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "leash.db"
    shutil.copy(TEMPLATE[0], path)
    return World(path=path), folder


ALERTS = Terms(
    caps=tuple(
        Cap(
            target=Target(per=(scope,)),
            window=window,
            ceiling=Ceiling(max_cost=usd("5e-6"), max_tokens=9),
            action=Action.ALERT,
            warn_at=(500,),
        )
        for scope, window in ((Scope.RUN, WindowKind.DAY), (Scope.ALL, WindowKind.TOTAL))
    )
)
"""Caps that refuse nothing: their accounts are charged with the run's."""


class Processes(RuleBasedStateMachine):
    """Three processes share one run; each may crash, and calls end late, twice or never."""

    fresh = staticmethod(fresh_world)

    def __init__(self) -> None:
        """Start a run in the first of three processes."""
        super().__init__()
        self.world, self.folder = self.fresh()
        self.world.terms = ALERTS
        self.processes: list[Ledger] = [self.world.open() for _ in range(3)]
        self.open: dict[str, tuple[int, int]] = {}  # call -> (process, hold)
        self.late: dict[str, int] = {}  # call whose process crashed -> what is booked
        self.calls = 0
        self.spent = 0
        self.stopped: Reason | None = None
        self.limits = Limits()

    @rule(limits=LIMITS)
    @precondition(lambda self: self.calls == 0 and self.stopped is None)
    def starts(self, limits: Limits) -> None:
        """Begin, or begin again under other limits."""
        self.limits = limits
        self.processes[0].start_run("r1", limits, now=self.world.now)

    @rule(who=st.integers(0, 2), tokens=st.integers(0, 8), step=st.integers(-2, 3))
    @precondition(lambda self: self.limits != Limits())
    def asks(self, who: int, tokens: int, step: int) -> None:
        """One process asks for a call."""
        self.world.now = Instant(self.world.now + step * SECOND)
        before = self.balance()
        name, verdict = self.world.call(self.processes[who], input_tokens=tokens)
        match verdict:
            case Allow(hold=hold):
                self.calls += 1
                self.open[name] = (who, hold)
                assert self.stopped is None
                self.within_limits(before, hold)
            case Trip(reason=reason, final=True):
                self.stopped = self.stopped or reason
                assert reason is self.stopped
            case Trip():
                assert self.stopped is None

    def within_limits(self, before: Balance, hold: int) -> None:
        """Claim that an admitted call was the only one open, or fitted beside the others."""
        if self.limits.max_cost:
            assert before.spent < self.limits.max_cost
            alone = before.open_calls == 0
            assert alone or before.spent + before.held + hold <= self.limits.max_cost

    @rule(data=st.data(), cost=COSTS, twice=st.booleans())
    @precondition(lambda self: self.open)
    def ends(self, data: st.DataObject, cost: int, twice: bool) -> None:
        """End a call, maybe reported twice."""
        name = data.draw(st.sampled_from(sorted(self.open)))
        who, _ = self.open.pop(name)
        self.processes[who].settle([make_end(name, cost)] * (2 if twice else 1))
        self.spent += cost

    @rule(who=st.integers(0, 2))
    def crashes(self, who: int) -> None:
        """Kill a process and start another in its place; what it had open is swept."""
        self.world.crash(self.processes[who])
        self.processes[who] = self.world.open()
        self.wait_for_death()
        self.processes[who].sweep(self.world.now)
        for name in [name for name, (owner, _) in self.open.items() if owner == who]:
            _, hold = self.open.pop(name)
            self.late[name] = hold
            self.spent += hold

    def wait_for_death(self) -> None:
        """Let the leases of crashed processes end, where they have nothing else to be known by."""
        if self.world.url is not None:
            self.world.now = Instant(self.world.now + 4 * LEASE)
            for process in self.processes:
                process.heartbeat(self.world.now)

    @rule(data=st.data(), who=st.integers(0, 2), cost=COSTS)
    @precondition(lambda self: self.late)
    def ends_late(self, data: st.DataObject, who: int, cost: int) -> None:
        """Bring the true end of a swept call after all, from whichever process."""
        name = data.draw(st.sampled_from(sorted(self.late)))
        booked = self.late.pop(name)
        self.processes[who].settle([make_end(name, cost)])
        self.processes[who].settle([make_end(name, cost + TOKEN)])
        self.spent += cost - booked

    @rule(who=st.integers(0, 2), step=st.integers(-3, 3), size=st.sampled_from([2, 1_000]))
    def prunes(self, who: int, step: int, size: int) -> None:
        """Someone folds old entries into checkpoints, in slices or at once."""
        self.processes[who].upkeep.prune(Instant(self.world.now + step * SECOND), size=size)

    @rule(who=st.integers(0, 2))
    @precondition(lambda self: self.limits != Limits())
    def kills(self, who: int) -> None:
        """Someone ends the run by hand."""
        self.processes[who].kill("r1", self.world.now)
        self.stopped = Reason.KILL

    @rule(who=st.integers(0, 2), by=st.integers(1, 10))
    @precondition(lambda self: self.limits != Limits())
    def raises(self, who: int, by: int) -> None:
        """Someone raises the calls that the run may make."""
        calls = self.limits.max_calls and self.limits.max_calls + by
        self.limits = Limits(
            max_cost=self.limits.max_cost,
            max_calls=calls,
            max_inflight=self.limits.max_inflight,
            warn_at=self.limits.warn_at,
        )
        lifted = self.processes[who].raise_limits("r1", self.limits, self.world.now).stopped
        assert lifted in {None, self.stopped}
        self.stopped = lifted

    def balance(self) -> Balance:
        """Return what the run stands at."""
        return self.processes[0].account_balance("run:r1")

    @invariant()
    def balances_equal_the_fold(self) -> None:
        """Claim that nothing that ``fsck`` checks is ever wrong."""
        assert self.processes[0].fsck() == []

    @invariant()
    def nothing_is_lost_and_nothing_doubled(self) -> None:
        """Claim that the account is what the processes did, call by call."""
        balance = self.balance()
        held = sum(hold for _, hold in self.open.values())
        expected = (self.calls, len(self.open), self.spent, held, self.stopped)
        assert (
            balance.calls,
            balance.open_calls,
            balance.spent,
            balance.held,
            balance.stopped,
        ) == expected

    @invariant()
    def calls_stay_within_their_limit(self) -> None:
        """Claim never more calls than allowed, and never more at once."""
        balance = self.balance()
        assert balance.calls <= (balance.limits.max_calls or balance.calls)
        assert balance.open_calls <= (balance.limits.max_inflight or balance.open_calls)

    def teardown(self) -> None:
        """Remove the files."""
        self.world.close()
        self.folder.cleanup()


Processes.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class TestBalancesEqualTheFold(Processes.TestCase):
    """test_balances_equal_the_fold, for any interleaving."""


type Fresh = Callable[[], tuple[World, AbstractContextManager[object]]]


def die_and_sweep(world: World, processes: list[Ledger], who: int) -> None:
    """Kill a process, start another in its place, and sweep once it is known to be dead."""
    world.crash(processes[who])
    processes[who] = world.open()
    if world.url is not None:
        world.now = Instant(world.now + 4 * LEASE)
        for process in processes:
            process.heartbeat(world.now)
    processes[who].sweep(world.now)


def as_many_as_are_allowed(fresh: Fresh, limit: int, asks: list[int], data: st.DataObject) -> None:
    """Let four processes ask in some order; exactly as many calls go as are allowed."""
    world, folder = fresh()
    with folder:
        processes = [world.start(Limits(max_calls=limit)) for _ in range(4)]
        verdicts = [
            process.book((), [make_ask(f"{number}-{turn}") for turn in range(together)], START)
            for number, process in enumerate(processes[who] for who in asks)
            for together in [data.draw(st.integers(1, 3))]
        ]
        given_out = [verdict for some in verdicts for verdict in some]
        world.close()
    admitted = sum(isinstance(verdict, Allow) for verdict in given_out)
    assert admitted == min(limit, len(given_out))


def hard_caps_hold(fresh: Fresh, steps: list[tuple[int, str, int]], budget: int) -> None:
    """Take the steps; after each, spent + held <= the cap."""
    world, folder = fresh()
    limit = Pico(budget * TOKEN)
    cap = Cap(window=WindowKind.TOTAL, ceiling=Ceiling(max_cost=limit))
    world.terms = Terms(caps=(cap,), holds=Holds(mode=HoldMode.HARD))
    with folder:
        processes = [world.start() for _ in range(4)]
        open_calls: list[tuple[int, str, int]] = []
        for who, what, amount in steps:
            if what == "ask":
                asked = {"input_tokens": amount, "max_output": 10 * amount}
                name, verdict = world.call(processes[who], **asked)
                if isinstance(verdict, Allow):
                    open_calls.append((who, name, verdict.hold))
            elif what == "end" and open_calls:
                by, name, hold = open_calls.pop(0)
                processes[by].settle([make_end(name, hold * amount // 8)])
            elif what == "crash":
                die_and_sweep(world, processes, who)
                open_calls = [one for one in open_calls if one[0] != who]
            balance = processes[0].account_balance("cap:all|total")
            assert balance.spent + balance.held <= limit
        assert processes[0].fsck() == []
        world.close()


def a_rate_limit_holds(fresh: Fresh, steps: list[tuple[int, int]]) -> None:
    """Ask at these moments; in any stretch no more calls go than burst + rate * time."""
    world, folder = fresh()
    rate = RateLimit(requests=Bucket(units=1, seconds=2, burst=3))
    world.terms = Terms(rates=(rate,))
    with folder:
        processes = [world.start() for _ in range(4)]
        moments: list[int] = []
        for who, step in steps:
            world.now = Instant(world.now + step * SECOND)
            _, verdict = world.call(processes[who])
            if isinstance(verdict, Allow):
                moments.append(world.now)
        furthest = max(moments, default=0) - min(moments, default=0)
        back = sum(-min(0, step) for _, step in steps) * SECOND  # a step back gives time again
        assert len(moments) <= 3 + (furthest + back) // (2 * SECOND) + 1
        world.close()


ORDERS = st.lists(st.integers(0, 3), max_size=30)
STEPS = st.lists(
    st.tuples(
        st.integers(0, 3),  # which process
        st.sampled_from(["ask", "ask", "ask", "end", "crash"]),
        st.integers(0, 8),  # tokens of input, or part of its bound that a call came to
    ),
    max_size=40,
)
BUDGETS = st.integers(3_000, 20_000)
MOMENTS = st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 9)), max_size=40)


@given(limit=st.integers(1, 10), asks=ORDERS, data=st.data())
@settings(max_examples=25, deadline=None)
def test_limits_hold_under_concurrency(limit: int, asks: list[int], data: st.DataObject) -> None:
    """Whoever asks in whatever order, exactly as many calls go as are allowed."""
    as_many_as_are_allowed(fresh_world, limit, asks, data)


@given(steps=STEPS, budget=BUDGETS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_hard_caps_are_never_overshot(steps: list[tuple[int, str, int]], budget: int) -> None:
    """In hard mode spent + held <= the cap after every step, over processes and crashes."""
    hard_caps_hold(fresh_world, steps, budget)


@given(steps=MOMENTS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_rate_limit_holds_over_processes_and_clock_steps(steps: list[tuple[int, int]]) -> None:
    """In any stretch of time no more calls go than burst + rate * time, whoever asks."""
    a_rate_limit_holds(fresh_world, steps)
