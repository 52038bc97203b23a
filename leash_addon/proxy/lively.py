"""An event loop that waits for nobody in its own process.

A pass of the garbage collector over everything that was loaded stops it for 30 to 60 ms; what was
there at the start is spared that. Beside a thread that computes (screening has one) Python lets it
wait 5 ms for each turn; here it is half a millisecond.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

TURN: Final = 0.0005
"""Seconds that a thread goes on computing when another wants its turn."""


@contextmanager
def lively() -> Iterator[None]:
    """Have it so for a while; it holds for the whole process."""
    usual = sys.getswitchinterval()
    gc.freeze()
    sys.setswitchinterval(TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
        gc.unfreeze()
