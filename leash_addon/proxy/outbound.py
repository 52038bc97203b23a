"""Every connection to a server: made only where it may be, to the address that was looked at."""

import asyncio
import logging

from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from leash_addon.proxy.reach import Reach, UnreachableError, choose, pin_lookups

logger = logging.getLogger(__name__)


class Outbound:
    """A sub-addon: the last look before a connection is made."""

    name = "leash-outbound"

    def __init__(self, reach: Reach) -> None:
        """Take what decides."""
        self._reach = reach

    async def server_connect(self, data: ServerConnectionHookData) -> None:
        """Refuse a server that may not be reached; an error here refuses it, too."""
        if not self._reach.guarded or data.server.error is not None:
            return
        data.server.error = "not judged"
        data.server.error = await self._look(data)

    async def _look(self, data: ServerConnectionHookData) -> str | None:
        if data.server.address is None:
            return "no address"
        host, port = data.server.address[0], data.server.address[1]
        why = self._reach.why_not(host, port)
        if why is not None:
            return why
        try:
            found = await self._reach.addresses(host, port)
        except UnreachableError as error:
            logger.warning("refused: %s", error)
            return str(error)
        except (OSError, UnicodeError) as error:
            return f"{host} cannot be resolved: {error}"
        pin_lookups(asyncio.get_running_loop())
        choose(host, port, found)
        return None
