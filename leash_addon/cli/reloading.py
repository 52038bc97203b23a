"""Takes changed files in while a gateway runs, and whatever SIGHUP asks for."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from leash_addon.proxy.watching import watch


@asynccontextmanager
async def reloading(
    paths: Sequence[Path],
    reload: Callable[[], Awaitable[None]],
    *,
    loudness: int = logging.WARNING,
    at_once: bool = False,
) -> AsyncIterator[None]:
    """Call ``reload`` whenever a file changes, appears or goes, and at SIGHUP.

    ``loudness``: the level at which a broken edit is told of. ``at_once``: also in the beginning.
    """
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    if at_once:
        told.set()
    loop.add_signal_handler(signal.SIGHUP, told.set)
    watching = asyncio.create_task(watch(paths, reload, told, loudness=loudness))
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
