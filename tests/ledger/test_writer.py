"""The ledger on an event loop: parallel admissions, a queue of settlements, nothing lost."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
import pytest

from leash_addon.core.journal import CallOpened, CallSettled, Entry
from leash_addon.core.limits import NO_LIMITS, Limits
from leash_addon.core.money import Pico
from leash_addon.core.reading import Outcome
from leash_addon.core.verdict import Allow, Effect, Reason, Trip
from leash_addon.errors import LedgerBusy, LedgerError
from leash_addon.ledger import Ledger, LedgerWriter
from tests.ledger.world import World, make_ask, make_end

pytestmark = pytest.mark.asyncio

type Closed = sqlite3.Connection | psycopg.Connection[tuple[object, ...]]


@asynccontextmanager
async def writing(
    world: World, limits: Limits = NO_LIMITS, heard: list[Entry] | None = None
) -> AsyncIterator[LedgerWriter]:
    """Run a writer on the world's file, with run ``r1`` started."""
    writer = LedgerWriter(
        world.open(),
        clock=lambda: world.now,
        rng=random.Random(1),  # noqa: S311 - jitter
        on_entry=None if heard is None else heard.append,
    )
    await writer.start()
    try:
        await writer.start_run("r1", limits)
        yield writer
    finally:
        world.ledgers.remove(writer._ledger)
        await writer.close()


@asynccontextmanager
async def lock_held(world: World) -> AsyncIterator[None]:
    """Hold the lock, as another process that is in a transaction does."""
    if world.url is None:
        other: Closed = sqlite3.connect(world.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
    else:
        other = psycopg.connect(world.url)
        other.execute("SELECT 1 FROM leash.balances FOR UPDATE")
    try:
        yield
    finally:
        other.close()


async def test_64_parallel_calls_are_admitted_exactly_as_far_as_allowed(world: World) -> None:
    """Whatever asks in the same moment shares a transaction, not the last place."""
    async with writing(world, Limits(max_calls=10)) as writer:
        verdicts = await asyncio.gather(*(writer.admit(make_ask(f"c{n}")) for n in range(64)))
        assert sum(isinstance(verdict, Allow) for verdict in verdicts) == 10
        assert writer.balance("r1").open_calls == 10


async def test_the_next_call_sees_what_the_last_one_cost(world: World) -> None:
    """A settlement that is still queued is written before the next admission is decided."""
    async with writing(world, Limits(max_cost=Pico(100))) as writer:
        await writer.admit(make_ask("a"))
        writer.settle(make_end("a", 100))
        verdict = await writer.admit(make_ask("b"))
        assert isinstance(verdict, Trip)
        assert (verdict.reason, verdict.effect) == (Reason.COST_BUDGET, Effect.STOP)


async def test_settlements_are_written_without_anyone_asking(world: World) -> None:
    """The queue empties by itself."""
    async with writing(world) as writer:
        written = asyncio.Event()
        await writer.admit(make_ask("a"))
        writer._on_entry = lambda _: written.set()
        writer.settle(make_end("a", 5))
        await asyncio.wait_for(written.wait(), timeout=60)
        assert writer.balance("r1").spent == 5


async def test_the_first_end_of_a_call_counts(world: World) -> None:
    """A second end that comes while the first is queued changes nothing."""
    async with writing(world) as writer:
        await writer.admit(make_ask("a"))
        writer.settle(make_end("a", 5))
        writer.settle(make_end("a", 9))
        await writer.drain(within=60)
        assert writer.balance("r1").spent == 5


async def test_many_settlements_at_once_are_all_written(world: World) -> None:
    """More than a batch takes more than one transaction, and no more calls."""
    async with writing(world) as writer:
        asks = [make_ask(f"c{n}") for n in range(200)]
        await asyncio.gather(*(writer.admit(ask) for ask in asks))
        for ask in asks:
            writer.settle(make_end(ask.call, 1))
        await writer.drain(within=60)
        balance = writer.balance("r1")
        assert (balance.settled, balance.spent, balance.held) == (200, 200, 0)


async def test_a_held_lock_is_waited_for(world: World) -> None:
    """While another process writes, an admission waits, and the loop goes on."""
    async with writing(world) as writer:
        async with lock_held(world):
            admission = asyncio.create_task(writer.admit(make_ask("a")))
            ticks = [await asyncio.sleep(0.001) for _ in range(50)]
            assert (admission.done(), len(ticks)) == (False, 50)
        assert isinstance(await admission, Allow)


async def test_a_lock_that_is_never_let_go_ends_the_admission(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the bounded wait the caller gets an error, and nothing was opened."""
    monkeypatch.setattr("leash_addon.ledger.turns.BUSY_FOR", 0.1)
    async with writing(world) as writer:
        async with lock_held(world):
            with pytest.raises(LedgerBusy):
                await writer.admit(make_ask("a"))
        assert writer.balance("r1").calls == 0


async def test_settlements_outlive_a_held_lock(world: World) -> None:
    """What could not be written stays queued until it can."""
    async with writing(world) as writer:
        await writer.admit(make_ask("a"))
        async with lock_held(world):
            writer.settle(make_end("a", 5))
            with pytest.raises(LedgerError, match="1 settlements could not be written"):
                await writer.drain(within=0.05)
        await writer.drain(within=60)
        assert writer.balance("r1").spent == 5


async def test_a_broken_ledger_refuses_and_recovers_by_itself(sqlite_world: World) -> None:
    """While the file says no, calls fail and ends are kept; afterwards everything goes on."""
    async with writing(sqlite_world) as writer:
        await writer.admit(make_ask("a"))
        conn = writer._ledger.database.conn
        conn.execute("PRAGMA query_only=ON")  # stands for a disk that cannot be written
        writer.settle(make_end("a", 5))
        with pytest.raises(LedgerError):
            await writer.admit(make_ask("b"))
        conn.execute("PRAGMA query_only=OFF")
        assert isinstance(await writer.admit(make_ask("b")), Allow)
        balance = writer.balance("r1")
        assert (balance.spent, balance.calls) == (5, 2)


async def test_one_bad_ask_fails_alone(world: World) -> None:
    """An ask of a run that was never started does not fail its neighbours."""
    async with writing(world) as writer:
        good, bad = await asyncio.gather(
            writer.admit(make_ask("a")),
            writer.admit(make_ask("b", run="never")),
            return_exceptions=True,
        )
        assert (type(good), type(bad)) == (Allow, LedgerError)


@pytest.mark.parametrize("when", ["within the commit", "before the caller wakes"])
async def test_a_caller_that_was_cancelled_leaves_no_hold(world: World, when: str) -> None:
    """A call that was opened for someone who is gone settles at zero, as never sent."""
    async with writing(world) as writer:
        admission = asyncio.create_task(writer.admit(make_ask("a", input_tokens=5)))

        def cancel(entry: Entry) -> None:
            if isinstance(entry, CallOpened):
                if when == "within the commit":
                    admission.cancel()
                else:
                    asyncio.get_running_loop().call_soon(admission.cancel)

        writer._on_entry = cancel
        with pytest.raises(asyncio.CancelledError):
            await admission
        await writer.drain(within=60)
        balance = writer.balance("r1")
        (ended,) = [e for _, e in writer._ledger.entries("r1") if isinstance(e, CallSettled)]
        assert (balance.open_calls, balance.held, balance.spent) == (0, 0, 0)
        assert ended.outcome is Outcome.UNSENT


async def test_a_caller_that_is_cancelled_while_waiting_opens_nothing(world: World) -> None:
    """A cancelled admission that was not decided yet is forgotten, or settled at zero."""
    async with writing(world) as writer:
        async with lock_held(world):
            admission = asyncio.create_task(writer.admit(make_ask("a")))
            await asyncio.sleep(0.01)
            admission.cancel()
            with suppress(asyncio.CancelledError):
                await admission
        await writer.admit(make_ask("b"))
        await writer.drain(within=60)
        balance = writer.balance("r1")
        assert (balance.open_calls, balance.calls - balance.settled) == (1, 1)
        assert balance.calls == 1 or not writer._ledger.inline  # a thread may have begun already


async def test_a_listener_that_fails_costs_no_call(world: World) -> None:
    """What was committed stays committed, whatever a listener does."""
    async with writing(world) as writer:

        def fail(_: Entry) -> None:
            msg = "listener"
            raise RuntimeError(msg)

        writer._on_entry = fail
        assert isinstance(await writer.admit(make_ask("a")), Allow)


async def test_entries_are_told_in_order(world: World) -> None:
    """A listener hears each entry once, after its commit."""
    heard: list[Entry] = []
    async with writing(world, Limits(max_calls=1), heard) as writer:
        await writer.admit(make_ask("a"))
        writer.settle(make_end("a", 5))
        await writer.admit(make_ask("b"))
    assert [type(entry).__name__ for entry in heard] == [
        "RunStarted",
        "CallOpened",
        "CallSettled",
        "CallRefused",
        "RunStopped",
    ]


async def test_finishing_comes_after_what_is_queued(world: World) -> None:
    """The end of a run is its last entry."""
    heard: list[Entry] = []
    async with writing(world, heard=heard) as writer:
        await writer.admit(make_ask("a"))
        writer.settle(make_end("a", 5))
        await writer.finish_run("r1", 0)
    assert [type(entry).__name__ for entry in heard][-2:] == ["CallSettled", "RunFinished"]


async def test_closing_leaves_nothing_open(world: World) -> None:
    """Queued ends are written; calls without an end settle at their hold."""
    reader: Ledger = world.open()
    async with writing(world) as writer:
        await asyncio.gather(*(writer.admit(make_ask(name, input_tokens=5)) for name in ("a", "b")))
        writer.settle(make_end("a", 7_000_000))
    balance = reader.balance("r1")
    assert (balance.open_calls, balance.spent) == (0, 12_000_000)
    assert reader.fsck() == []


async def test_starting_sweeps_what_a_dead_process_left(world: World) -> None:
    """The holds of a killed process are settled when the next one starts."""
    dead = world.start()
    world.admitted(dead, input_tokens=5)
    world.crash(dead)
    world.now = world.gone()
    async with writing(world) as writer:
        assert writer.balance("r1").open_calls == 0


async def test_a_file_that_was_taken_away_admits_nothing(sqlite_world: World) -> None:
    """Counting into a deleted file would count for nobody."""
    world = sqlite_world
    async with writing(world) as writer:
        moved = world.path.with_suffix(".moved")
        world.path.rename(moved)
        writer._turns.lost = writer._ledger.misplaced()
        with pytest.raises(LedgerError, match="moved or deleted"):
            await writer.admit(make_ask("a"))
        moved.rename(world.path)
        writer._turns.lost = writer._ledger.misplaced()
        assert isinstance(await writer.admit(make_ask("a")), Allow)


async def test_many_runs_end_together(world: World) -> None:
    """A proxy that ends records the end of each of its runs, after what is queued."""
    async with writing(world) as writer:
        runs = [f"many-{number}" for number in range(30)]
        for run in runs:
            await writer.start_run(run, NO_LIMITS)
        await writer.admit(make_ask("last", runs[0]))
        writer.settle(make_end("last", 5))
        await writer.finish_runs(runs)
        found = [writer.balance(run) for run in runs]
    assert {one.exit_code for one in found} == {0}
    assert (found[0].spent, found[0].open_calls) == (5, 0)
