"""``fsck`` finds what is not as the journal says."""

import pytest

from leash_addon.core.limits import Limits
from leash_addon.ledger import Ledger
from tests.ledger.world import World, make_end

UNLOCK = {
    "sqlite": "DROP TRIGGER journal_is_not_updated; DROP TRIGGER journal_is_not_deleted;",
    "postgres": "DROP TRIGGER journal_is_append_only ON journal;",
}

LOSE = "DELETE FROM journal WHERE seq = 2"


@pytest.fixture
def ledger(world: World) -> Ledger:
    """Give a ledger with a settled call, a refused one and an open one."""
    made = world.start()
    made.settle([make_end(world.admitted(made), 1)])
    world.admitted(made, input_tokens=5)
    return made


def problems(ledger: Ledger) -> list[str]:
    """Return what is wrong, with its place."""
    return [f"{problem.place}: {problem.message}" for problem in ledger.fsck()]


def test_a_whole_ledger_has_no_problems(ledger: Ledger) -> None:
    """Nothing is found where nothing is wrong."""
    assert ledger.fsck() == []


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        pytest.param(
            "UPDATE balances SET state = replace(state, '\"spent\":1', '\"spent\":9')",
            "run:r1: spent is 9; the journal comes to 1",
            id="a balance that was changed",
        ),
        pytest.param(
            "DELETE FROM balances", "run:r1: entries without a balance", id="a balance lost"
        ),
        pytest.param(
            "INSERT INTO balances (account, state) VALUES ('user:x', '{\"spent\": 3}')",
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
def test_damage_is_found_and_named(
    world: World, database: str, ledger: Ledger, damage: str, found: str
) -> None:
    """Each kind of damage is reported with its place."""
    world.sql(UNLOCK[database] + damage)
    assert any(problem.startswith(found) for problem in problems(ledger)), problems(ledger)


@pytest.mark.parametrize(
    ("database", "found"),
    [
        pytest.param("sqlite", "journal 3: entries 2 to 2 are missing", id="sqlite"),
        pytest.param(
            "postgres", "journal of run:r1: 4 entries were booked; 3 are there", id="postgres"
        ),
    ],
    indirect=["database"],
)
def test_an_entry_that_was_lost_is_missed(world: World, database: str, found: str) -> None:
    """A number that is missing tells, or where numbers may be, the count of an account."""
    ledger = world.start()
    ledger.settle([make_end(world.admitted(ledger), 1)])
    ledger.start_run("r1", Limits(max_calls=9), now=world.now)
    world.sql(UNLOCK[database] + LOSE)
    assert found in problems(ledger)


def test_a_journal_that_is_not_guarded_is_a_problem(postgres_world: World) -> None:
    """Whoever drops the trigger may have changed the journal."""
    ledger = postgres_world.start()
    postgres_world.sql("ALTER TABLE journal DISABLE TRIGGER ALL")
    assert [problem.place for problem in ledger.fsck()] == ["file"]


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
