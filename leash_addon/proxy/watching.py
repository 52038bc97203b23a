"""Watches files while the proxy runs; a broken edit keeps what was good, and says so."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from leash_addon.config.load import watched
from leash_addon.config.settings import Settings
from leash_addon.errors import LeashError

logger = logging.getLogger(__name__)

LOOK_AGAIN = 1.0
"""Seconds between two looks at the files."""

SETTLES = 0.2
"""Seconds for which files must have stayed as they are before they are read."""

type Stamp = tuple[int, int, int] | None
"""Inode, size and time of change of a file; ``None`` when there is none."""


def read_at_rest(read: Callable[[], Settings]) -> tuple[Settings, list[Stamp]]:
    """Read the settings; return also how their files were before, and after, they were read.

    A file that is written between the reading and a look at it would be taken for the one that
    was read, and its edit would be missed for ever.
    """
    settings = read()
    seen = stamps(watched(settings))
    while True:
        settings = read()
        before, seen = seen, stamps(watched(settings))
        if before == seen:
            return settings, seen


async def watch(
    paths: Sequence[Path],
    reload: Callable[[], Awaitable[None]],
    told: asyncio.Event,
    *,
    loudness: int = logging.WARNING,
    seen: Sequence[Stamp] | None = None,
) -> None:
    """Call ``reload`` whenever a file changes, appears or goes, and when ``told`` to.

    ``loudness``: the level at which a broken edit is told of. ``seen``: the files as they were
    when they were read; as they are now when ``None``. Runs until it is cancelled.
    """
    if seen is None:
        seen = await asyncio.to_thread(stamps, paths)
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), LOOK_AGAIN)
        found = await asyncio.to_thread(stamps, paths)
        if found == list(seen) and not told.is_set():
            continue
        told.clear()
        seen = await _settled(paths, found)
        try:
            await reload()
        except LeashError as error:
            logger.log(loudness, "kept as it was, because an edit is broken: %s", error)
        except Exception:
            logger.exception("kept as it was, because reloading failed")


async def _settled(paths: Sequence[Path], found: list[Stamp]) -> list[Stamp]:
    """Wait until nobody writes: a file that is half written has half of its limits, or none."""
    while True:
        await asyncio.sleep(SETTLES)
        again = await asyncio.to_thread(stamps, paths)
        if again == found:
            return found
        found = again


def stamps(paths: Sequence[Path]) -> list[Stamp]:
    """Return what tells a file from what it will be when somebody has changed it."""
    return [_stamp(path) for path in paths]


def _stamp(path: Path) -> Stamp:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns)
