"""``fsck`` finds what is not as the journal says."""

import pytest

from leash_addon.ledger import Ledger
from tests.ledger.world import World, make_end

UNLOCK = "DROP TRIGGER journal_is_not_updated; DROP TRIGGER journal_is_not_deleted;"


@pytest.fixture
def ledger(world: World) -> Ledger:
    """Give a ledger with a settled call, a refused one and an open one."""
    made = world.start()
    made.settle([make_end(world.admitted(made), 1)])
    world.admitted(made, input_tokens=5)
    return made


def test_a_whole_ledger_has_no_problems(ledger: Ledger) -> None:
    """Nothing is found where nothing is wrong."""
    assert ledger.fsck() == []


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        pytest.param(
            "UPDATE balances SET state = json_set(state, '$.spent', 9)",
            "run:r1: spent is 9; the journal comes to 1",
            id="a balance that was changed",
        ),
        pytest.param(
            "DELETE FROM balances", "run:r1: entries without a balance", id="a balance lost"
        ),
        pytest.param(
            "INSERT INTO balances VALUES ('user:x', '{\"spent\": 3}')",
            "user:x: a balance without entries",
            id="a balance from nowhere",
        ),
        pytest.param(
            "UPDATE balances SET state = 'no'", "run:r1: the balance cannot be read", id="garbage"
        ),
        pytest.param("DELETE FROM holds", "call c1: it is open and has no hold", id="a hold lost"),
        pytest.param(
            "INSERT INTO holds VALUES ('cx', 'o', 1)",
            "hold cx: no open call has it",
            id="an orphan hold",
        ),
        pytest.param(
            "UPDATE holds SET seq = 2", "hold c1: it points at entry 2, not 4", id="a hold astray"
        ),
        pytest.param(
            "DELETE FROM journal WHERE seq = 2",
            "journal 3: entries 2 to 2 are missing",
            id="a gap",
        ),
        pytest.param(
            "DELETE FROM journal WHERE seq = 2",
            "journal 3: call c0 was settled but never opened",
            id="a settlement without an opening",
        ),
        pytest.param(
            "INSERT INTO journal (at, run, call, kind, body) "
            "SELECT at, run, 'x', kind, body FROM journal WHERE seq = 3",
            "journal 5: call c0 was settled twice",
            id="a double settlement",
        ),
        pytest.param(
            "UPDATE journal SET run = 'r9' WHERE seq = 3",
            "journal 3: its columns and its body differ",
            id="a column that was changed",
        ),
        pytest.param(
            "UPDATE journal SET body = '{' WHERE seq = 3",
            "journal 3: the entry cannot be read",
            id="an entry that was damaged",
        ),
    ],
)
def test_damage_is_found_and_named(ledger: Ledger, damage: str, found: str) -> None:
    """Each kind of damage is reported with its place."""
    ledger._database.conn.executescript(UNLOCK + damage)
    problems = [f"{problem.place}: {problem.message}" for problem in ledger.fsck()]
    assert any(problem.startswith(found) for problem in problems), problems


def test_fsck_of_a_live_ledger_sees_one_moment(world: World, ledger: Ledger) -> None:
    """While another process writes, what is read stays one snapshot."""
    other = world.open()
    read = ledger._codec.entry

    def write_between(body: str) -> object:
        world.call(other)
        return read(body)

    ledger._codec.entry = write_between  # type: ignore[assignment]
    assert ledger.fsck() == []
    assert other.balance("r1").calls == 6
