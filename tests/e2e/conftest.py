"""The fixtures of the tests that run leash as a user does."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from leash_addon.cli.fakeprovider import FakeProvider, Script
from tests.e2e.house import House
from tests.e2e.nursery import Nursery
from tests.e2e.provider import providing, url_of


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    """Serve a provider that reports 2,000 tokens in and out: 2.5 cents a call of gpt-4o."""
    with providing(lambda: FakeProvider(Script(input_tokens=2_000, output_tokens=2_000))) as fake:
        yield fake


@pytest.fixture
def house(tmp_path: Path, fake: FakeProvider, nursery: Nursery) -> House:
    """Make an empty home whose calls go to the fake provider."""
    return House(root=tmp_path, extra={"LEASH_UPSTREAM": url_of(fake)}, nursery=nursery)
