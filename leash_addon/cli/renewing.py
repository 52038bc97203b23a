"""Takes new settings into a proxy that serves: all that it can, and says what wants a restart."""

import asyncio
import logging
from collections.abc import Callable

from leash_addon.cli.admin.server import Admin
from leash_addon.cli.admin.serving import change
from leash_addon.cli.engine import Engine
from leash_addon.config.changes import changes, taken_over
from leash_addon.config.settings import Settings
from leash_addon.config.tables import tables
from leash_addon.ledger import LedgerWriter
from leash_addon.proxy.listening import listener_certificate
from leash_addon.proxy.renewal import renew, told

logger = logging.getLogger(__name__)


class Renewing:
    """Reads the settings anew, and has the proxy go on with them.

    ``begun``: those that it started with. ``loudness``: the level at which it says what changed.
    """

    def __init__(
        self,
        engine: Engine,
        writer: LedgerWriter,
        admin: Admin | None,
        *,
        read: Callable[[], Settings],
        begun: Settings,
        loudness: int = logging.WARNING,
    ) -> None:
        """Take what is to go on with new settings."""
        self._engine, self._writer, self._admin = engine, writer, admin
        self._read, self._loudness = read, loudness
        self._begun = self._now = begun

    async def __call__(self) -> None:
        """Take over what is new; raises ``LeashError``, with nothing taken, for a broken edit."""
        settings = await asyncio.to_thread(self._read)
        providers, prices = await asyncio.to_thread(tables, settings)
        certificate = await asyncio.to_thread(listener_certificate, self._begun)
        self._engine.check(providers)
        named = prices.describe()
        await renew(self._engine.addon, self._writer, settings, prices=prices, named=named)
        self._engine.providers.become(providers)
        if certificate is not None:
            self._engine.proxy.present(certificate)
        if self._admin is not None:
            change(self._admin, taken_over(self._begun, settings))
        found = changes(self._now, settings, begun=self._begun)
        self._now = settings
        logger.log(self._loudness, "%s", told(settings, found, named=named))
