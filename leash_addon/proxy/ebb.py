"""Gives memory back when many connections have gone.

What mitmproxy makes of a connection refers to itself in circles, which only the garbage collector
takes apart; it runs when new objects come, and after a wave of clients none do. What it frees lies
scattered over the arenas of Python and of the C library, which hands pages back when it is asked.
"""

import asyncio
import ctypes
import gc
import sys
from collections.abc import Callable

MANY = 500
"""Connections that must have gone, and be half of those that were there, to be worth a pass."""


class Ebb:
    """Watches how many connections there are."""

    def __init__(self, give_back: Callable[[], None]) -> None:
        """``give_back``: what is done off the event loop once the garbage is collected."""
        self._give_back = give_back
        self._peak = 0

    def look(self, count: int) -> bool:
        """Take note of how many there are; collect, and tell whether it was worth it."""
        self._peak = max(self._peak, count)
        if self._peak - count < MANY or count > self._peak // 2:
            return False
        self._peak = count
        gc.collect()
        asyncio.get_running_loop().run_in_executor(None, self._give_back)
        return True


def trim() -> None:
    """Have the C library give free pages back, where it can (glibc)."""
    if sys.platform != "linux":
        return
    trims = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trims is not None:
        trims(0)
