"""A burst is written in several transactions, and the loop serves others between them."""

import asyncio
import random

import pytest

from leash_addon.core.journal import CallOpened, Entry
from leash_addon.core.limits import Limits
from leash_addon.core.verdict import Allow, Trip
from leash_addon.ledger import LedgerWriter
from leash_addon.ledger.pace import LEAST, MOST, SPAN, Pace
from tests.ledger.world import World, make_ask, make_end


@pytest.mark.parametrize(
    ("each", "room"),
    [
        pytest.param(SPAN / 16.5, 16, id="as many as fit"),
        pytest.param(SPAN / 1_000, MOST, id="no more than a few dozen"),
        pytest.param(SPAN * 50, LEAST, id="no fewer than pays"),
    ],
)
def test_a_transaction_has_as_many_calls_as_fit_into_its_span(each: float, room: int) -> None:
    """Once the pace is learned, the room is the span over the time of a call, within bounds."""
    pace = Pace()
    for _ in range(100):
        pace.took(10, each * 10)
    assert pace.room == room


def test_one_slow_moment_does_not_halve_the_room() -> None:
    """A single transaction that lasted twice as long takes a sixth of the room at most."""
    pace = Pace()
    for _ in range(100):
        pace.took(10, SPAN / 2)
    pace.took(10, SPAN)
    assert pace.room == 16


def test_nothing_written_teaches_nothing() -> None:
    """A turn without calls changes no pace."""
    pace = Pace()
    pace.took(0, 1.0)
    assert pace.room == 10


@pytest.mark.asyncio
async def test_a_burst_is_decided_in_order_with_the_loop_free_between(sqlite_world: World) -> None:
    """200 calls at once: the first 150 go, in several commits, and others have their turns."""
    commits: list[int] = []

    def heard(entries: tuple[Entry, ...]) -> None:
        commits.append(sum(isinstance(entry, CallOpened) for entry in entries))

    ledger = sqlite_world.start(Limits(max_calls=150))
    writer = LedgerWriter(ledger, clock=lambda: sqlite_world.now, rng=random.Random(7))  # noqa: S311
    await writer.start()
    ledger.on_commit = heard
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    asks = [writer.admit(make_ask(f"c{number}")) for number in range(200)]
    verdicts = await asyncio.gather(*asks)
    task.cancel()
    for number in range(150):
        writer.settle(make_end(f"c{number}", 7))
    await writer.drain(within=60)
    assert [type(each) for each in verdicts] == [Allow] * 150 + [Trip] * 50
    assert (sum(commits), max(commits) <= MOST, turns >= 200 / MOST) == (150, True, True)
    balance = ledger.balance("r1")
    assert (balance.calls, balance.open_calls, ledger.fsck()) == (150, 0, [])
    await writer.close()
    sqlite_world.ledgers.clear()
