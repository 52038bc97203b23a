"""Refuses a TLS connection where stock mitmproxy has given it a context behind our back.

There a script's hooks come before those of mitmproxy's own TLS addon, which makes a context for
whoever has none; embedded, leash takes it away itself. An addon at the end of the chain has the
last word.
"""

from mitmproxy.addonmanager import AddonManager
from mitmproxy.tls import TlsData

from leash_addon.proxy.addon import LeashAddon
from leash_addon.proxy.connections import Connections


class LastWord:
    """Stands at the end of the chain, for as long as leash does."""

    name = "leash-last-word"

    def __init__(self, addon: LeashAddon, addons: AddonManager) -> None:
        """Stand there."""
        self._connections = [each for each in addon.addons if isinstance(each, Connections)]
        self._addons = addons
        addons.add(self)

    def tls_start_client(self, data: TlsData) -> None:
        """Take the context away from a connection that was refused."""
        for each in self._connections:
            each.tls_start_client(data)

    def leave(self) -> None:
        """Leave the chain."""
        self._addons.remove(self)
