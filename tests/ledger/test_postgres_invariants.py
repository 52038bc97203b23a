"""The ledger's invariants on PostgreSQL: the same machine, another database."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from leash_addon.ledger import open_ledger
from tests.ledger.postgres_server import Server
from tests.ledger.test_invariants import Processes
from tests.ledger.world import World

SERVERS: list[Server] = []
NUMBERS = itertools.count()


@pytest.fixture(scope="module", autouse=True)
def template(server: Server) -> Iterator[None]:
    """Make an empty ledger once; examples copy it."""
    open_ledger(server.create("template_ledger")).close()
    SERVERS.append(server)
    yield
    SERVERS.clear()


class Dropped:
    """A database that goes away with its example."""

    def __init__(self, name: str) -> None:
        """Remember which."""
        self.name = name

    def cleanup(self) -> None:
        """Drop it."""
        SERVERS[0].drop(self.name)


def fresh_database() -> tuple[World, Dropped]:
    """Return a world on a copy of the empty ledger."""
    name = f"example{next(NUMBERS)}"
    url = SERVERS[0].create(name, template="template_ledger")
    return World(path=Path("/nowhere"), url=url), Dropped(name)


class PostgresProcesses(Processes):
    """Three processes share one run in PostgreSQL."""

    fresh = staticmethod(fresh_database)  # type: ignore[assignment]


PostgresProcesses.TestCase.settings = settings(
    max_examples=8,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class TestBalancesEqualTheFoldOnPostgres(PostgresProcesses.TestCase):
    """test_balances_equal_the_fold, for any interleaving."""
