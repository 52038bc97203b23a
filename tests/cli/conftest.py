"""Fixtures of the command line's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.world import Leash, fake_provider
from tests.e2e.nursery import Nursery


@pytest.fixture(scope="session")
def provider(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[str]:
    """Run one fake provider for all tests: 2.5 cents a call at the price of gpt-4o."""
    leash = Leash(tmp_path_factory.mktemp("provider"), nursery)
    with fake_provider(leash, "--input-tokens", "2000", "--output-tokens", "2000") as address:
        yield address


@pytest.fixture
def leash(tmp_path: Path, nursery: Nursery, provider: str) -> Leash:
    """Return the command in an empty home, with every call sent to the fake provider."""
    made = Leash(tmp_path, nursery, provider)
    prices = made.folder / "prices.json"
    prices.write_text('{"gpt-4o": {"input": 2.5, "output": 10}}')
    made.env["LEASH_PRICES"] = str(prices)
    return made
