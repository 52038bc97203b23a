"""An event loop that waits for nobody in its own process.

A pass of the garbage collector over everything that was loaded stops it for 30 to 60 ms; what was
there at the start is spared that. Beside a thread that computes (screening has one) Python lets it
wait 5 ms for each turn; here it is half a millisecond. Where both have one core, the scheduler
gives the thread its 3 to 5 ms all the same, unless it rests by itself (``give_way``).
"""

import gc
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

TURN: Final = 0.0005
"""Seconds that a thread goes on computing when another wants its turn."""


REST: Final = 0.00002
"""Seconds; with the kernel's own slack it comes to some 0.07 ms."""


def give_way() -> None:
    """Let others have the core; for threads, after each millisecond's work or so."""
    time.sleep(REST)


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
