"""The fixture of the proxy's tests."""

from functools import partial
from pathlib import Path

import pytest

from tests.proxy.world import MakeWorld, make_world


@pytest.fixture
def world(tmp_path: Path) -> MakeWorld:
    """Make worlds: proxies over scripted providers."""
    return partial(make_world, tmp_path)
