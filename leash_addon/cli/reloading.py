"""Takes changed files in while a gateway runs, and whatever SIGHUP asks for."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from leash_addon.proxy.watching import Stamp, watch


def survive_hangups() -> None:
    """Have SIGHUP end nobody who does not reload yet, or no more."""
    # Not SIG_IGN: a supervisor waits for the signal, and what is started by us would inherit that.
    signal.signal(signal.SIGHUP, lambda *_: None)


@asynccontextmanager
async def reloading(
    paths: Sequence[Path],
    reload: Callable[[], Awaitable[None]],
    *,
    loudness: int = logging.WARNING,
    seen: Sequence[Stamp] | None = None,
) -> AsyncIterator[None]:
    """Call ``reload`` whenever a file changes, appears or goes, and at SIGHUP.

    ``loudness``: the level at which a broken edit is told of. ``seen``: the files as they were
    when they were read.
    """
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, told.set)
    watching = asyncio.create_task(watch(paths, reload, told, loudness=loudness, seen=seen))
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        survive_hangups()
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
