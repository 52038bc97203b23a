"""Runs: started, continued, stopped, killed, raised, finished; and how they are found."""

import random

import pytest

from leash_addon.core.journal import LimitsRaised, RunFinished, RunKilled, RunStarted
from leash_addon.core.limits import NO_LIMITS, Limits
from leash_addon.core.money import SECOND, Instant, usd
from leash_addon.core.verdict import Allow, Reason, Trip
from leash_addon.errors import UsageError
from leash_addon.ledger import Ledger, Status, raise_hint
from tests.ledger.world import World, make_end

FIVE = Limits(max_cost=usd("5"))


def statuses(ledger: Ledger, now: Instant) -> dict[str, Status]:
    """Return every run's status."""
    return {standing.run: standing.status for standing in ledger.runs(now)}


def test_limits_of_a_run_are_recorded(world: World) -> None:
    """What a run was started with is what its balance and its first entry say."""
    ledger = world.start(FIVE)
    ((_, entry),) = list(ledger.entries("r1"))
    assert isinstance(entry, RunStarted)
    assert (entry.limits, ledger.balance("r1").limits) == (FIVE, FIVE)


def test_a_run_continues_in_another_process(world: World) -> None:
    """Totals go on where the last process left them."""
    first = world.start(FIVE)
    first.settle([make_end(world.admitted(first), 100)])
    second = world.open()
    assert second.start_run("r1", None, now=world.now).spent == 100
    second.settle([make_end(world.admitted(second), 11)])
    assert second.balance("r1").spent == 111


def test_no_limits_given_keeps_the_recorded_ones(world: World) -> None:
    """A run is continued under its own limits unless others are given."""
    world.start(FIVE)
    assert world.open().start_run("r1", None, now=world.now).limits == FIVE


def test_a_differing_limit_of_a_live_run_is_recorded(world: World) -> None:
    """A run that is not stopped takes the limits that it is started with."""
    world.start(FIVE)
    six = Limits(max_cost=usd("6"))
    assert world.open().start_run("r1", six, now=world.now).limits == six


def test_starting_again_as_it_is_writes_nothing(world: World) -> None:
    """The same process with the same limits is no second start."""
    ledger = world.start(FIVE)
    ledger.start_run("r1", FIVE, now=world.now)
    assert len(list(ledger.entries("r1"))) == 1


def test_a_stopped_run_takes_other_limits_only_by_raise(world: World) -> None:
    """Starting a stopped run with other limits is an error that names the command."""
    ledger = world.start(Limits(max_calls=1))
    world.admitted(ledger)
    world.call(ledger)
    with pytest.raises(UsageError, match=r"leash raise r1 --max-calls \+100"):
        ledger.start_run("r1", Limits(max_calls=9), now=world.now)
    assert ledger.start_run("r1", None, now=world.now).limits == Limits(max_calls=1)


def test_stopped_stays_stopped(world: World) -> None:
    """Another process that continues a stopped run is refused for the same reason."""
    ledger = world.start(Limits(max_calls=1))
    world.admitted(ledger)
    world.call(ledger)
    other = world.open()
    other.start_run("r1", Limits(max_calls=1), now=world.now)
    _, verdict = world.call(other)
    assert isinstance(verdict, Trip)
    assert verdict.reason is Reason.CALL_BUDGET


def test_raising_the_limit_lets_the_run_go_on(world: World) -> None:
    """A raise is an entry with who did it, and lifts the stop of that limit."""
    ledger = world.start(Limits(max_calls=1))
    world.admitted(ledger)
    world.call(ledger)
    raised = Limits(max_calls=2)
    assert ledger.raise_limits("r1", raised, world.now, by="anna").stopped is None
    newest = list(ledger.entries("r1"))[-1][1]
    assert newest == LimitsRaised(run="r1", at=world.now, limits=raised, by="anna")
    assert isinstance(world.call(ledger)[1], Allow)


def test_a_kill_holds_on_the_very_next_call_of_another_process(world: World) -> None:
    """Killing from another terminal refuses what the governed process asks next."""
    ledger = world.start()
    world.admitted(ledger)
    assert world.open().kill("r1", world.now, by="anna").stopped is Reason.KILL
    _, verdict = world.call(ledger)
    assert isinstance(verdict, Trip)
    assert verdict.reason is Reason.KILL


def test_killing_twice_is_one_entry(world: World) -> None:
    """A second kill changes nothing."""
    ledger = world.start()
    ledger.kill("r1", world.now)
    ledger.kill("r1", world.now)
    entries = [entry for _, entry in ledger.entries("r1")]
    assert sum(isinstance(entry, RunKilled) for entry in entries) == 1


def test_a_killed_run_cannot_be_raised(world: World) -> None:
    """No limit ends a kill, and the error says so."""
    ledger = world.start(FIVE)
    ledger.kill("r1", world.now)
    assert ledger.raise_limits("r1", NO_LIMITS, world.now).stopped is Reason.KILL
    assert raise_hint("r1", Reason.KILL) is None
    with pytest.raises(UsageError, match="stays so"):
        ledger.start_run("r1", FIVE, now=world.now)


@pytest.mark.parametrize("change", ["kill", "raise_limits", "finish_run", "balance", "standing"])
def test_an_unknown_run_names_its_neighbours(world: World, change: str) -> None:
    """A mistyped run is an error that lists the names near it."""
    ledger = world.start(run="a3f9c2e1")
    calls = {
        "kill": lambda: ledger.kill("a3f9c2", world.now),
        "raise_limits": lambda: ledger.raise_limits("a3f9c2", FIVE, world.now),
        "finish_run": lambda: ledger.finish_run("a3f9c2", 0, world.now),
        "balance": lambda: ledger.balance("a3f9c2"),
        "standing": lambda: ledger.standing("a3f9c2", world.now),
    }
    with pytest.raises(UsageError, match="did you mean a3f9c2e1"):
        calls[change]()


def test_statuses_tell_how_runs_ended(world: World) -> None:
    """Running, stopped, killed, finished and abandoned are told apart."""
    ledger = world.start(Limits(max_calls=1), run="stopped")
    world.admitted(ledger, run="stopped")
    world.call(ledger, run="stopped")
    for run in ("killed", "finished", "running"):
        ledger.start_run(run, None, now=world.now)
    ledger.kill("killed", world.now)
    ledger.finish_run("finished", 0, world.now)
    world.crash(world.start(run="abandoned"))
    ledger.heartbeat(world.gone())
    assert statuses(ledger, world.gone()) == {
        run: Status(run) for run in ("stopped", "killed", "finished", "running", "abandoned")
    }


def test_a_run_that_another_process_still_governs_is_not_finished(world: World) -> None:
    """A call after an end means that the run goes on."""
    ledger = world.start()
    world.open().finish_run("r1", 0, world.now)
    world.now = Instant(world.now + SECOND)
    world.admitted(ledger)
    assert ledger.standing("r1", world.now).status is Status.RUNNING


def test_finishing_keeps_the_exit_code(world: World) -> None:
    """The end is an entry with the exit code."""
    ledger = world.start()
    assert ledger.finish_run("r1", 7, world.now).exit_code == 7
    assert isinstance(list(ledger.entries("r1"))[-1][1], RunFinished)


def test_runs_come_newest_first(world: World) -> None:
    """The most recently active run leads, and a limit cuts the rest."""
    ledger = world.open()
    for number in range(5):
        world.now = Instant(world.now + SECOND)
        ledger.start_run(f"r{number}", None, now=world.now)
    assert [standing.run for standing in ledger.runs(world.now, limit=2)] == ["r4", "r3"]


def test_entries_of_a_long_run_come_whole_and_in_order(world: World) -> None:
    """Paging loses and repeats nothing."""
    ledger = world.start()
    for _ in range(300):
        ledger.settle([make_end(world.admitted(ledger), 1)])
    numbers = [seq for seq, _ in ledger.entries("r1")]
    assert numbers == list(range(1, 602))


def test_a_new_run_id_is_unused(world: World) -> None:
    """An id that a run has already is not given again."""
    ledger = world.open()
    taken = ledger.new_run_id(random.Random(7))  # noqa: S311 - the same id twice on purpose
    ledger.start_run(taken, None, now=world.now)
    fresh = ledger.new_run_id(random.Random(7))  # noqa: S311 - the same id twice on purpose
    assert (len(taken), len(fresh), fresh == taken) == (8, 8, False)


def test_a_raise_outlasts_the_next_proxy_that_meets_the_run(world: World) -> None:
    """Another worker brings the configuration's limits along; those raised on the record stay."""
    configured = Limits(max_cost=usd("5"), max_calls=2)
    first = world.start(configured)
    first.raise_limits("r1", Limits(max_cost=usd("5"), max_calls=3), world.now, by="ann")
    second = world.open()
    met = second.start_run("r1", configured, keeps_raised=True, now=world.now)
    assert (met.limits.max_calls, met.limits.max_cost) == (3, usd("5"))
    added = Limits(max_calls=2, max_inflight=4)
    again = world.open().start_run("r1", added, keeps_raised=True, now=world.now)
    assert again.limits == Limits(max_calls=3, max_inflight=4)


def test_a_limit_that_was_lifted_stays_off_when_another_proxy_meets_the_run(world: World) -> None:
    """``leash raise --max-calls 0`` holds until somebody sets that limit on this run again."""
    configured = Limits(max_calls=2, deadline=60)
    first = world.start(configured)
    first.raise_limits("r1", Limits(deadline=60), world.now, by="ann")
    met = world.open().start_run("r1", configured, keeps_raised=True, now=world.now)
    assert met.limits == Limits(deadline=60)
    third = world.open()
    third.start_run("r1", Limits(max_calls=5, deadline=60), now=world.now)  # by hand: leash --run
    again = third.start_run("r1", Limits(max_calls=7), keeps_raised=True, now=world.now)
    assert again.limits.max_calls == 7
    assert third.fsck() == []
