"""What the ledger's tests share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a database file of its own to a test."""
    made = World(path=tmp_path / "leash.db")
    yield made
    made.close()
