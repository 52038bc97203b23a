"""Holds have owners: the dead are swept, the living never lose a call."""

import pytest

from leash_addon.core.journal import CallAdjusted, CallSettled, Tokens
from leash_addon.core.money import SECOND, Instant
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.ledger.owner import LEASE
from tests.ledger.world import World, make_end

HOUR = 3600 * SECOND


def from_another_machine(world: World) -> None:
    """Make every lease look as if it came from another machine."""
    world.sql("UPDATE owners SET machine = 'elsewhere'")


def test_a_dead_process_settles_at_its_holds(world: World) -> None:
    """Calls of a killed process count at what was held for them, marked so."""
    ledger = world.start()
    world.admitted(ledger, input_tokens=5)
    world.crash(ledger)
    other = world.open()
    (entry,) = other.sweep(world.gone())
    assert isinstance(entry, CallSettled)
    assert (entry.outcome, entry.confidence, entry.cost) == (
        Outcome.SWEPT,
        Confidence.HELD,
        5_000_000,
    )
    balance = other.balance("r1")
    assert (balance.open_calls, balance.held, balance.spent) == (0, 0, 5_000_000)


def test_sweeping_twice_books_once(world: World) -> None:
    """A hold is swept once, by whoever comes first."""
    ledger = world.start()
    world.admitted(ledger)
    world.crash(ledger)
    first, second = world.open(), world.open()
    assert (len(first.sweep(world.gone())), len(second.sweep(world.gone()))) == (1, 0)


def test_sweeping_removes_the_lock_file_of_the_dead(sqlite_world: World) -> None:
    """Lock files do not pile up."""
    ledger = sqlite_world.start()
    lock = ledger._owners.me.lock
    sqlite_world.crash(ledger)
    sqlite_world.open().sweep(sqlite_world.now)
    assert lock.exists() is False


def test_a_living_process_is_not_swept_however_old_its_lease(sqlite_world: World) -> None:
    """A stopped or sleeping process holds its lock: on one machine the clock proves nothing."""
    world = sqlite_world
    ledger = world.start()
    world.admitted(ledger)
    assert world.open().sweep(Instant(world.now + 1000 * HOUR)) == ()


def test_another_machines_owner_lives_until_its_lease_ends(world: World) -> None:
    """Where locks cannot be seen the lease decides."""
    ledger = world.start()
    world.admitted(ledger)
    from_another_machine(world)
    other = world.open()
    assert len(other.sweep(Instant(world.now + LEASE - 1))) == 0
    assert len(other.sweep(Instant(world.now + LEASE))) == 1


def test_a_heartbeat_renews_the_lease(world: World) -> None:
    """An owner that beats is not swept after its first lease."""
    ledger = world.start()
    world.admitted(ledger)
    later = Instant(world.now + LEASE)
    ledger.heartbeat(later)
    from_another_machine(world)
    assert world.open().sweep(later) == ()


def test_an_owner_without_a_lock_file_is_judged_by_its_lease(sqlite_world: World) -> None:
    """Two containers may share a boot id and not a directory."""
    world = sqlite_world
    ledger = world.start()
    world.admitted(ledger)
    ledger._owners.me.lock.unlink()
    other = world.open()
    assert len(other.sweep(world.now)) == 0
    assert len(other.sweep(Instant(world.now + LEASE))) == 1


def test_the_true_settlement_after_a_sweep_is_one_adjustment(world: World) -> None:
    """A call that ends after it was swept is corrected to its true cost, once."""
    ledger = world.start()
    name = world.admitted(ledger, input_tokens=5)
    from_another_machine(world)
    world.open().sweep(Instant(world.now + LEASE))
    (entry,) = ledger.settle([make_end(name, 7_000_000, tokens=Tokens(input=4, output=3))])
    assert isinstance(entry, CallAdjusted)
    assert ledger.settle([make_end(name, 9_000_000)]) == ()
    balance = ledger.balance("r1")
    assert (entry.cost, balance.spent, balance.tokens) == (
        2_000_000,
        7_000_000,
        Tokens(input=4, output=3),
    )


def test_a_late_end_without_a_price_keeps_what_was_booked(world: World) -> None:
    """Nothing better is known, so the swept amount stays."""
    ledger = world.start()
    name = world.admitted(ledger, input_tokens=5)
    from_another_machine(world)
    world.open().sweep(Instant(world.now + LEASE))
    ledger.settle([make_end(name, None)])
    assert ledger.balance("r1").spent == 5_000_000


def test_a_process_that_was_taken_for_dead_comes_back(world: World) -> None:
    """After a heartbeat its new calls are its own again and are not swept."""
    ledger = world.start()
    world.admitted(ledger)
    from_another_machine(world)
    later = Instant(world.now + LEASE)
    other = world.open()
    other.sweep(later)
    ledger.heartbeat(later)
    world.admitted(ledger)
    assert other.sweep(later) == ()


def test_closing_settles_what_is_still_open(world: World) -> None:
    """A clean end leaves no hold, no lease and no lock file behind."""
    ledger = world.start()
    world.admitted(ledger, input_tokens=5)
    other = world.open()
    lock = ledger._owners.me.lock
    ledger.close(world.now)
    world.ledgers.remove(ledger)
    assert other.balance("r1").open_calls == 0
    assert world.sql("SELECT count(*) FROM owners") == [(0,)]
    assert lock is None or not lock.exists()


def test_a_hold_without_an_owner_row_is_swept(world: World) -> None:
    """A hold never leaks, not even when its lease has gone."""
    ledger = world.start()
    world.admitted(ledger)
    world.crash(ledger)
    other = world.open()
    world.sql("DELETE FROM owners")
    assert len(other.sweep(world.now)) == 1


@pytest.mark.parametrize("step", [-HOUR, HOUR], ids=["back", "forth"])
def test_a_clock_that_steps_changes_no_sum(world: World, step: int) -> None:
    """Sweeps and settlements under a stepped clock lose and double nothing."""
    ledger = world.start()
    names = [world.admitted(ledger, input_tokens=5) for _ in range(2)]
    world.now = Instant(world.now + step)
    world.open().sweep(world.now)
    ledger.settle([make_end(name, 100, at=world.now) for name in names])
    assert (ledger.balance("r1").spent, ledger.fsck()) == (200, [])
