"""What tests of several parts share."""

import signal
from collections.abc import Iterator

import pytest

from tests.e2e.nursery import Nursery, nursing


@pytest.fixture(scope="session", autouse=True)
def _ordinary_signals() -> None:
    """Hear signals that a shell or nohup may have made a background process deaf to."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for which in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(which, signal.SIG_DFL)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Keep a process that forks leashes."""
    with nursing() as nursery:
        yield nursery
