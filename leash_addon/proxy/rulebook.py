"""The rules in use: built from the settings, and built anew when their files change.

A broken edit keeps the last good rules and says so. Files are looked at and rules compiled in a
thread; nothing of it holds up a call.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from leash_addon.config.automata import Automata
from leash_addon.config.known import known_file, load_known
from leash_addon.config.load import local_of, reread_screening
from leash_addon.config.rules import pack_files
from leash_addon.config.screening import Level, ScreeningSettings
from leash_addon.config.settings import Settings
from leash_addon.errors import LeashError, UsageError
from leash_addon.proxy.building import build
from leash_addon.proxy.compiling import Compiling
from leash_addon.proxy.screening import Screening
from leash_addon.screen.engine import Engine
from leash_addon.screen.known import KnownPrompts

logger = logging.getLogger(__name__)

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the files."""

type Stamp = tuple[tuple[str, int, int], ...]
"""Path, time of change in nanoseconds, and size of each file."""

type Basis = tuple[tuple[str, ...], Path, Level, frozenset[str], Stamp]


def open_screening(settings: Settings) -> Screening | None:
    """Build what screens; ``None`` where nothing is to be screened.

    Raises ``UsageError`` for a pack or a list of agents that is not there or wrong.
    """
    wanted = settings.screening
    if not wanted.on:
        return None
    engine = build(wanted, Automata(settings.home))
    return Screening(engine, wanted, load_known(wanted.known_prompts))


class Rulebook:
    """Watches the files behind a ``Screening`` for as long as its proxy runs."""

    def __init__(
        self,
        screening: Screening,
        settings: Settings,
        *,
        every: float = LOOK_EVERY,
        told: Callable[[str], None] = logger.warning,
        alone: bool = True,
    ) -> None:
        """``told``: hears of new rules, and of broken ones.

        ``alone``: nobody else reads the configuration, and says what is wrong in it.
        """
        self._screening = screening
        self._settings = settings
        self._every = every
        self._told, self._alone = told, alone
        self._stamp = stamp(settings, screening.settings)
        self._basis = basis(screening.settings)
        self._automata = Automata(settings.home)
        self._compiling = Compiling(screening, self._automata)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch, on the running loop."""
        self._compiling.start()
        self._task = asyncio.create_task(self._watch(), name="leash-rules")

    def stop(self) -> None:
        """Watch no more."""
        self._compiling.stop()
        if self._task is not None:
            self._task.cancel()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.look()
            except Exception:
                logger.exception("the screening rules could not be looked at")

    async def look(self) -> None:
        """Take new rules, if the files have changed."""
        seen = await asyncio.to_thread(stamp, self._settings, self._screening.settings)
        if seen == self._stamp:
            return
        self._stamp = seen
        try:
            wanted = await asyncio.to_thread(reread_screening, self._settings)
        except LeashError as error:
            if self._alone:
                self._told(f"screening goes on with the rules it had: {error}")
            return
        try:
            engine, known = await asyncio.to_thread(self._build, wanted)
        except LeashError as error:
            self._told(f"screening goes on with the rules it had: {error}")
            return
        new = "settings" if engine is self._screening.engine else "rules"
        self._screening.take(engine, wanted, known)
        self._told(f"screening goes on with new {new} ({len(engine.rules)} in all)")

    def _build(self, wanted: ScreeningSettings) -> tuple[Engine, KnownPrompts]:
        """Compile what has changed: actions and allowed texts need none of it."""
        known = load_known(wanted.known_prompts)
        needed = basis(wanted)
        if needed == self._basis:
            return self._screening.engine, known
        engine = build(wanted, self._automata)
        self._basis = needed
        return engine, known


def basis(wanted: ScreeningSettings) -> Basis:
    """Return what an engine is made of: while it is the same, so is the engine."""
    stamps = (_stamp(file) for name in wanted.packs for file in _files(name, wanted.base))
    return wanted.packs, wanted.base, wanted.level, wanted.disabled, tuple(stamps)


def stamp(settings: Settings, screening: ScreeningSettings) -> Stamp:
    """Return what shows that a file has changed."""
    config = settings.config
    files = [] if config is None else [config, local_of(config)]
    for name in screening.packs:
        files += _files(name, screening.base)
    files += map(known_file, screening.known_prompts)
    return tuple(_stamp(file) for file in files)


def _files(name: str, base: Path) -> tuple[Path, ...]:
    try:
        return pack_files(name, base)
    except (UsageError, OSError):
        return ()


def _stamp(file: Path) -> tuple[str, int, int]:
    try:
        found = file.stat()
    except OSError:
        return str(file), 0, -1
    return str(file), found.st_mtime_ns, found.st_size
