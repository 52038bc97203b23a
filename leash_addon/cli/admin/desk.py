"""The ledger as the admin port reads and changes it: in one thread of its own.

A connection to a database belongs to the thread that opened it, and the event loop that serves
calls must never wait for one.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from leash_addon.config.settings import Settings
from leash_addon.errors import LedgerError
from leash_addon.ledger import Ledger, open_ledger


class Desk:
    """Runs functions of the ledger, one after the other, off the event loop."""

    def __init__(self, settings: Settings) -> None:
        """Open nothing yet."""
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="leash-admin")
        self._ledger: Ledger | None = None

    async def __call__[T](self, work: Callable[[Ledger], T]) -> T:
        """Return what ``work`` makes of the ledger; raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    async def close(self) -> None:
        """Close the ledger and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._shut)
        self._thread.shutdown(wait=False)

    def _do[T](self, work: Callable[[Ledger], T]) -> T:
        if self._ledger is None:
            self._ledger = open_ledger(self._settings.db, terms=self._settings.terms)
        try:
            return work(self._ledger)
        except LedgerError:
            self._shut()  # the next one opens it anew
            raise

    def _shut(self) -> None:
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            ledger.close()
