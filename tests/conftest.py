"""What tests of several parts share."""

import signal
from collections.abc import Iterator

import pytest

from tests.e2e.nursery import Nursery, nursing


@pytest.fixture(scope="session", autouse=True)
def _ordinary_signals() -> None:
    """Hear Ctrl-C and quit: a shell starts what it puts in the background deaf to both."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Keep a process that forks leashes."""
    with nursing() as nursery:
        yield nursery
