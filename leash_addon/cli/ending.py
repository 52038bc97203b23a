"""How ``leash serve`` ends: told once it drains, told twice it ends at once."""

import asyncio
import contextlib
import signal
from collections.abc import Iterator

from leash_addon.cli.engine import Engine
from leash_addon.cli.lines import count
from leash_addon.cli.say import say

ENDS = (signal.SIGINT, signal.SIGTERM)
LOOK_AGAIN = 0.05


class Ending:
    """What the process has been told: ``begun`` to end, and ``pressed`` to do so at once."""

    def __init__(self) -> None:
        """Nothing has been said yet."""
        self.begun, self.pressed = asyncio.Event(), asyncio.Event()

    def tell(self) -> None:
        """Begin to end; the second time, at once."""
        (self.pressed if self.begun.is_set() else self.begun).set()


@contextlib.contextmanager
def told_to_end() -> Iterator[Ending]:
    """Listen to SIGINT and SIGTERM while inside."""
    loop, ending = asyncio.get_running_loop(), Ending()
    for which in ENDS:
        loop.add_signal_handler(which, ending.tell)
    try:
        yield ending
    finally:
        for which in ENDS:
            loop.remove_signal_handler(which)


async def drain(engine: Engine, ending: Ending, seconds: float) -> None:
    """Take no new calls, and wait until the open ones have ended, so long at most.

    What is open after that is cut, and settled as ``core.reading`` books answers that broke off: at
    what was reported and the text that came, else at its hold.
    """
    governor = engine.addon.governor
    governor.draining = True
    await engine.proxy.stop_listening()
    if not governor.open_calls:
        return
    say(f"draining: {count(governor.open_calls, 'call')} open, {seconds:g}s at most")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while governor.open_calls and not ending.pressed.is_set():  # noqa: ASYNC110
                await asyncio.sleep(LOOK_AGAIN)
    if governor.open_calls:
        say(f"cut {count(governor.open_calls, 'call')} that did not end in time")
