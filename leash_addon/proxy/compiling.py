"""Has automata of the rules built aside, while a proxy runs, and takes them when they are there.

A proxy starts with the rules as they are: it screens at once, if slower. Some seconds later
another process builds what is missing; it is kept, so that the next start has it from the first
call. That a machine cannot build or keep them costs speed, nothing else.
"""

import asyncio
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from leash_addon.config.automata import Automata
from leash_addon.config.compiling import BUSY, order
from leash_addon.errors import LeashError
from leash_addon.proxy.builder import order_from
from leash_addon.proxy.building import build
from leash_addon.proxy.screening import Screening
from leash_addon.screen.automaton import Expressions
from leash_addon.screen.engine import Engine

logger = logging.getLogger(__name__)

AFTER: Final = 10.0
"""Seconds before anything is built: short runs do without."""
EVERY: Final = 15.0
"""Seconds between two looks, at new rules and at what another process builds."""
ROOT: Final = str(Path(__file__).resolve().parents[2])
CODE: Final = (
    "import sys; sys.path.append(sys.argv.pop(1)); "
    "from leash_addon.config.compiling import main; main()"
)
COMMAND: Final = (sys.executable, "-P", "-c", CODE, ROOT)
"""Without the working directory on its path, which is the agent's; with the folder of this package
at its end, as mitmproxy's own interpreter may find it by ``script`` only."""


class Compiling:
    """Gives the engine of a ``Screening`` its automata."""

    def __init__(
        self,
        screening: Screening,
        automata: Automata,
        *,
        after: float = AFTER,
        every: float = EVERY,
    ) -> None:
        """``automata``: where they are kept."""
        self._screening = screening
        self._automata = automata
        self._after, self._every = after, every
        self._given_up: Engine | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self._run(), name="leash-compiling")

    def stop(self) -> None:
        """Build nothing more; a process that is at it ends."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        await asyncio.sleep(self._after)
        while True:
            try:
                await self.look()
            except (OSError, LeashError) as error:
                logger.warning("screening goes on without compiled rules: %s", error)
                self._given_up = self._screening.engine
            except Exception:
                logger.exception("the screening rules could not be compiled")
                self._given_up = self._screening.engine
            await asyncio.sleep(self._every)

    async def look(self) -> None:
        """Have built what is missing, and take it once all is there."""
        engine = self._screening.engine
        if engine.is_built or engine is self._given_up:
            return
        wanted = await asyncio.to_thread(engine.expressions)
        missing = await asyncio.to_thread(self._missing, wanted)
        if missing and not await self._is_built(engine, missing):
            return
        if wanted:
            await self._take(engine)

    def _missing(self, wanted: Sequence[Expressions]) -> tuple[Expressions, ...]:
        return tuple(filter(self._automata.lacks, wanted))

    async def _is_built(self, engine: Engine, missing: Sequence[Expressions]) -> bool:
        """Run the process that builds, and tell whether nothing is missing any more.

        It ends with its input, and so with this one.
        """
        ended = await order_from((*COMMAND, str(self._automata.folder.parent)), order(missing))
        left = await asyncio.to_thread(self._missing, missing)
        if left and ended.status != BUSY:
            self._given_up = engine
            why = ended.said or "what was built cannot be read"
            logger.warning("screening goes on without compiled rules: %s", why)
        return not left

    async def _take(self, engine: Engine) -> None:
        settings = self._screening.settings
        found = await asyncio.to_thread(build, settings, self._automata)
        if not found.is_built:
            self._given_up = engine
        elif self._screening.engine is engine:
            self._screening.engine = found
            logger.info("screening goes on with compiled rules")
