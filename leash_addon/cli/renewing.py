"""Takes new settings into a proxy that serves: all that it can, and says what wants a restart."""

import asyncio
import logging
from collections.abc import Callable

from leash_addon.cli.admin.server import Admin
from leash_addon.cli.admin.serving import change
from leash_addon.cli.engine import Engine, tables
from leash_addon.cli.lines import count
from leash_addon.config.changes import changes
from leash_addon.config.settings import Settings
from leash_addon.ledger import LedgerWriter
from leash_addon.proxy.listening import listener_certificate
from leash_addon.proxy.renewal import renew

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
        self._engine.take(providers, prices)
        if certificate is not None:
            self._engine.proxy.present(certificate)
        addon = self._engine.addon
        await renew(addon.governor, self._writer, settings, prices.describe())
        if addon.access.entrance.gate is not None:
            addon.access.entrance.gate.change(settings.tokens)
        if self._admin is not None:
            change(self._admin, settings)
        found = changes(self._now, settings, begun=self._begun)
        self._now = settings
        told = [
            f"reloaded: packs, {count(len(settings.tokens), 'token')}, prices {prices.describe()}"
        ]
        told += [f"changed: {', '.join(found.taken)}"] if found.taken else []
        told += [f"only a restart takes {', '.join(found.restart)}"] if found.restart else []
        logger.log(self._loudness, "%s", "; ".join(told))
