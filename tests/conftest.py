"""What tests of several parts share."""

from collections.abc import Iterator

import pytest

from tests.e2e.nursery import Nursery, nursing


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Keep a process that forks leashes."""
    with nursing() as nursery:
        yield nursery
