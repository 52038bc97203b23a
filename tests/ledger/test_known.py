"""Balances that are not read again: only while nobody else has written."""

from pathlib import Path

import pytest

from leash_addon.core.limits import Limits
from leash_addon.core.verdict import Allow, Trip
from leash_addon.errors import LedgerError
from leash_addon.ledger import Ledger
from tests.ledger.world import World, make_end

REFUSING = """CREATE TEMP TRIGGER refusing BEFORE UPDATE ON balances
BEGIN SELECT RAISE(ABORT, 'not now'); END"""


def reads(ledger: Ledger) -> list[str]:
    """Collect what is read of balances from now on."""
    said: list[str] = []
    conn = ledger.database.conn  # type: ignore[attr-defined]
    conn.set_trace_callback(lambda sql: said.append(sql) if "FROM balances" in sql else None)
    return said


def test_a_lone_process_reads_a_balance_once(sqlite_world: World) -> None:
    """Calls in a row under one account read it once, and the books are right."""
    ledger = sqlite_world.start(Limits(max_calls=3))
    sqlite_world.admitted(ledger)
    said = reads(ledger)
    verdicts = [sqlite_world.call(ledger)[1] for _ in range(3)]
    assert (said, [type(each) for each in verdicts]) == ([], [Allow, Allow, Trip])
    assert ledger.fsck() == []


def test_what_another_process_did_is_seen_on_the_very_next_call(sqlite_world: World) -> None:
    """Two processes in turn never let one call more through than is allowed."""
    one, other = sqlite_world.start(Limits(max_calls=5)), sqlite_world.open()
    verdicts = [sqlite_world.call(each)[1] for each in (one, other) * 4]
    assert [isinstance(each, Allow) for each in verdicts] == [True] * 5 + [False] * 3
    assert one.fsck() == []


def test_a_kill_by_another_process_holds_on_the_very_next_call(sqlite_world: World) -> None:
    """A balance that is known is forgotten when someone else changed it."""
    ledger = sqlite_world.start()
    sqlite_world.admitted(ledger)
    sqlite_world.open().kill("r1", sqlite_world.now)
    assert isinstance(sqlite_world.call(ledger)[1], Trip)


def test_a_transaction_that_fails_leaves_nothing_known(sqlite_world: World) -> None:
    """What was worked out and not committed is not what the next call is judged by."""
    ledger = sqlite_world.start(Limits(max_calls=2))
    sqlite_world.admitted(ledger)
    conn = ledger.database.conn  # type: ignore[attr-defined]
    conn.execute(REFUSING)
    with pytest.raises(LedgerError):
        sqlite_world.call(ledger)
    conn.execute("DROP TRIGGER refusing")
    sqlite_world.admitted(ledger)
    assert isinstance(sqlite_world.call(ledger)[1], Trip)
    assert (ledger.balance("r1").calls, ledger.fsck()) == (2, [])


def test_a_repair_by_this_very_process_is_not_overlooked(sqlite_world: World) -> None:
    """Balances that are rebuilt past the books are read again."""
    ledger = sqlite_world.start()
    call = sqlite_world.admitted(ledger)
    sqlite_world.sql("UPDATE balances SET state = json_set(state, '$.calls', 9)")
    ledger.settle((make_end(call, 7),))
    assert ledger.upkeep.repair() != []
    sqlite_world.admitted(ledger)
    assert (ledger.balance("r1").calls, ledger.fsck()) == (2, [])


def test_a_file_that_is_replaced_while_closed_is_read_anew(tmp_path: Path) -> None:
    """Nothing that is known outlives its connection."""
    world = World(path=tmp_path / "leash.db")
    ledger = world.start(Limits(max_calls=1))
    world.admitted(ledger)
    ledger.close()
    world.ledgers.clear()
    again = world.open()
    assert isinstance(world.call(again)[1], Trip)
    world.close()
