"""The schema defends itself."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from leash_addon.ledger import sqlite_store
from leash_addon.ledger.schema import STEPS, migrate, statements
from tests.ledger.world import World, make_end


@pytest.fixture
def conn(world: World) -> Iterator[sqlite3.Connection]:
    """Give a plain connection to a ledger that has one settled call."""
    ledger = world.start()
    ledger.settle([make_end(world.admitted(ledger), 1)])
    made = sqlite3.connect(world.path, isolation_level=None)
    yield made
    made.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET body = '{}' WHERE seq = 1",
        "DELETE FROM journal WHERE seq = 1",
        "DELETE FROM journal",
    ],
    ids=["update", "delete", "empty"],
)
def test_the_journal_is_append_only(conn: sqlite3.Connection, statement: str) -> None:
    """No statement of any program changes or removes an entry."""
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        conn.execute(statement)


def test_a_call_settles_once_by_schema(conn: sqlite3.Connection) -> None:
    """A second ``call_settled`` of a call is refused by the database itself."""
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        conn.execute(
            "INSERT INTO journal (at, run, call, kind, body) "
            "SELECT at, run, call, kind, body FROM journal WHERE kind = 'call_settled'"
        )


def test_columns_are_typed(conn: sqlite3.Connection) -> None:
    """Tables are STRICT: a text is no time."""
    with pytest.raises(sqlite3.IntegrityError, match="cannot store TEXT"):
        conn.execute("INSERT INTO journal (at, run, kind, body) VALUES ('soon', 'r', 'k', '{}')")


def test_every_step_is_recorded(conn: sqlite3.Connection) -> None:
    """The file says which steps it has had."""
    names = [name for (name,) in conn.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]
    assert names == [name for name, _ in STEPS]


def test_a_step_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step and its record are committed together or not at all."""
    broken = (("001_broken", "CREATE TABLE one (a INTEGER) STRICT;\nCREATE TABLE one (a TEXT);"),)
    monkeypatch.setattr("leash_addon.ledger.schema.STEPS", broken)
    conn = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        migrate(conn)
    tables = conn.execute("SELECT name FROM sqlite_schema WHERE name = 'one'").fetchall()
    recorded = conn.execute("SELECT count(*) FROM _sqlite_migrations").fetchone()
    conn.close()
    assert (tables, recorded) == ([], (0,))


def test_a_triggers_body_is_one_statement() -> None:
    """Splitting a script keeps BEGIN ... END together."""
    script = "CREATE TABLE a (b);\nCREATE TRIGGER t AFTER INSERT ON a\nBEGIN SELECT 1; END;\n"
    assert len(statements(script)) == 2


HOT = [
    pytest.param(statement, id=name)
    for module in (sqlite_store,)
    for name, statement in vars(module).items()
    if isinstance(statement, str)
    and statement.startswith(("SELECT", "INSERT", "DELETE"))
    and name not in {"_OF_OWNER", "_DELETE"}  # a sweep, over the open calls only; pruning
]


@pytest.mark.parametrize("statement", HOT)
def test_no_statement_of_a_call_walks_a_table(conn: sqlite3.Connection, statement: str) -> None:
    """What a call costs does not depend on the journal's length: every lookup has an index."""
    plan = conn.execute(f"EXPLAIN QUERY PLAN {statement}", (None,) * statement.count("?"))
    assert [step[-1] for step in plan if "SCAN" in step[-1]] == []
