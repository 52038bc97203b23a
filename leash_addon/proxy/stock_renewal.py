"""New settings for a leash inside stock mitmproxy: from its files, and from ``:set leash_...``.

SIGHUP is left alone: to a console it means that its terminal has gone.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from leash_addon.config.changes import TAKEN, changes
from leash_addon.config.load import watched
from leash_addon.config.settings import Settings
from leash_addon.config.tables import tables
from leash_addon.ledger import LedgerWriter
from leash_addon.proxy.addon import LeashAddon
from leash_addon.proxy.renewal import renew, told
from leash_addon.proxy.watching import Stamp, watch
from leash_addon.wire.routes import Providers

logger = logging.getLogger(__name__)

OURS = TAKEN - {"cut"}
"""What is taken over; to cut, mitmproxy must have been told from the start to do without HTTP/2."""


class StockRenewal:
    """Watches the files behind a stock mitmproxy's settings for as long as it runs.

    ``read``: reads the settings anew; it may be called from a thread. ``begun``: those at the
    start, and ``seen`` how their files were then.
    """

    def __init__(
        self,
        addon: LeashAddon,
        writer: LedgerWriter,
        providers: Providers,
        *,
        read: Callable[[], Settings],
        begun: Settings,
        seen: Sequence[Stamp],
    ) -> None:
        """Take what is to go on with new settings."""
        self._addon, self._writer, self._providers = addon, writer, providers
        self._read = read
        self._begun = self._now = begun
        self._seen = seen
        self._told = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch, on the running loop."""
        watching = watch(watched(self._begun), self._renew, self._told, seen=self._seen)
        self._task = asyncio.create_task(watching, name="leash-settings")

    def stop(self) -> None:
        """Watch no more."""
        if self._task is not None:
            self._task.cancel()

    def again(self) -> None:
        """Look anew, because an option has changed or somebody wishes it."""
        self._told.set()

    async def _renew(self) -> None:
        settings = await asyncio.to_thread(self._read)
        providers, prices = await asyncio.to_thread(tables, settings)
        self._providers.become(providers)
        named = prices.describe()
        await renew(self._addon, self._writer, settings, prices=prices, named=named)
        found = changes(self._now, settings, begun=self._begun, taken=OURS)
        self._now = settings
        logger.warning("leash: %s", told(settings, found, named=named))
