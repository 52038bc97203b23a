"""What the ledger's tests share.

The contract, every test in the modules named here, is run against both databases. A test of it
that takes ``sqlite_world`` is about files and their locks.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger.postgres_server import Server, running, why_not
from tests.ledger.reused import Reused
from tests.ledger.world import World

CONTRACT = frozenset({"test_calls", "test_caps", "test_findings", "test_fsck", "test_owners"})
CONTRACT |= {"test_runs", "test_upkeep", "test_virtual_keys", "test_writer"}

_numbers = itertools.count()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the contract against both databases."""
    marks = metafunc.definition.iter_markers("parametrize")
    said = any("database" in mark.args[0] for mark in marks)
    if "world" in metafunc.fixturenames and not said and _name(metafunc) in CONTRACT:
        metafunc.parametrize("database", ["sqlite", "postgres"], indirect=True)


def _name(metafunc: pytest.Metafunc) -> str:
    return str(metafunc.module.__name__).rpartition(".")[2]


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a server on a busy machine time; what is about giving up says after how long."""
    monkeypatch.setattr("leash_addon.ledger.turns.ANSWER_WITHIN", 60.0)


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """Name the database of a test: ``sqlite``, if it does not say."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Run a PostgreSQL server for all tests."""
    if (why := why_not()) is not None:
        pytest.skip(why)
    with running() as made:
        yield made


@pytest.fixture
def postgres_url(server: Server) -> Iterator[str]:
    """Give an empty database to a test."""
    name = f"t{next(_numbers)}"
    yield server.create(name)
    server.drop(name)


@pytest.fixture
def sqlite_world(tmp_path: Path) -> Iterator[World]:
    """Give a database file of its own to a test."""
    made = World(path=tmp_path / "leash.db")
    yield made
    made.close()


@pytest.fixture(scope="session")
def reused(server: Server) -> Reused:
    """Make a ledger's database that one test after the other finds empty."""
    return Reused.made(server, "reused")


@pytest.fixture
def postgres_world(reused: Reused, tmp_path: Path) -> Iterator[World]:
    """Give an empty ledger in PostgreSQL to a test."""
    made = World(path=tmp_path / "no.db", url=reused.emptied())
    yield made
    made.close()


@pytest.fixture
def world(database: str, request: pytest.FixtureRequest) -> World:
    """Give a database of its own to a test."""
    made: World = request.getfixturevalue(f"{database}_world")
    return made
