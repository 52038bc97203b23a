"""Who of the wrapped command's processes is behind each connection, looked up off the event loop.

The search begins when a client connects and is over, as a rule, before its first request has been
read; a call never waits longer than ``PATIENCE`` for it.
"""

import asyncio
import os
import sys

from mitmproxy import connection

from leash_addon.proxy.processes import lineage

PATIENCE = 0.25
"""Seconds that the first call of a connection may wait to be told apart."""


class Peers:
    """A sub-addon: knows the process of each connection, on Linux; elsewhere of none."""

    name = "leash-peers"

    def __init__(self) -> None:
        """Begin without connections."""
        self.jailed: dict[int, tuple[int, int]] = {}
        """For a port that passes a jail's connection on: the port inside, and a process there."""
        self._found: dict[str, asyncio.Task[str]] = {}

    def client_connected(self, client: connection.Client) -> None:
        """Begin to look for the process."""
        if not sys.platform.startswith("linux") or not client.peername or not client.sockname:
            return
        port, within = self.jailed.get(client.peername[1], (client.peername[1], None))
        ports = port, client.sockname[1]
        search = asyncio.to_thread(lineage, *ports, root=os.getpid(), within=within)
        self._found[client.id] = asyncio.ensure_future(search)

    def client_disconnected(self, client: connection.Client) -> None:
        """Forget it."""
        search = self._found.pop(client.id, None)
        if search is not None:
            search.cancel()

    async def of(self, client: connection.Client) -> str:
        """Return the process behind a connection and its ancestors; "" when not known."""
        search = self._found.get(client.id)
        if search is None:
            return ""
        if not search.done():
            await asyncio.wait([search], timeout=PATIENCE)
        is_found = search.done() and not search.cancelled() and search.exception() is None
        return search.result() if is_found else ""
