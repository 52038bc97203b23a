"""The ledger's invariants on PostgreSQL: the same machine, another database."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ledger.reused import Reused
from tests.ledger.test_invariants import (
    BUDGETS,
    MOMENTS,
    ORDERS,
    STEPS,
    Processes,
    a_rate_limit_holds,
    as_many_as_are_allowed,
    hard_caps_hold,
)
from tests.ledger.world import World

DATABASES: list[Reused] = []


@pytest.fixture(scope="module", autouse=True)
def database_of_examples(reused: Reused) -> Iterator[None]:
    """Lend the examples a database, which each of them finds empty."""
    DATABASES.append(reused)
    yield
    DATABASES.clear()


class Kept(AbstractContextManager[None]):
    """Stands for the folder of a file: here nothing is left to remove."""

    def __exit__(self, *_: object) -> None:
        """Keep the database."""

    def cleanup(self) -> None:
        """Keep the database."""


def fresh_database() -> tuple[World, Kept]:
    """Return a world on an empty ledger."""
    return World(path=Path("/nowhere"), url=DATABASES[0].emptied()), Kept()


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


FEW = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@given(limit=st.integers(1, 10), asks=ORDERS, data=st.data())
@FEW
def test_limits_hold_under_concurrency(limit: int, asks: list[int], data: st.DataObject) -> None:
    """Whoever asks in whatever order, exactly as many calls go as are allowed."""
    as_many_as_are_allowed(fresh_database, limit, asks, data)


@given(steps=STEPS, budget=BUDGETS)
@FEW
def test_hard_caps_are_never_overshot(steps: list[tuple[int, str, int]], budget: int) -> None:
    """In hard mode spent + held <= the cap after every step, over processes and crashes."""
    hard_caps_hold(fresh_database, steps, budget)


@given(steps=MOMENTS)
@FEW
def test_a_rate_limit_holds_over_processes_and_clock_steps(steps: list[tuple[int, int]]) -> None:
    """In any stretch of time no more calls go than burst + rate * time, whoever asks."""
    a_rate_limit_holds(fresh_database, steps)
