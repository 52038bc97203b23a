"""mitmproxy's addon manager, with its hooks looked up once instead of at every event.

The stock one walks every addon for each event, twice for those of a flow, which is a tenth of
what a call costs. Here a table says who takes an event; most have one taker or none. Order,
sub-addons, awaiting, and what an exception does are mitmproxy's own (12.2.3).
"""

from collections.abc import Callable
from inspect import isawaitable
from typing import Any, override

from mitmproxy.addonmanager import AddonManager, safecall, traverse
from mitmproxy.exceptions import AddonHalt
from mitmproxy.flow import Flow
from mitmproxy.hooks import Hook, UpdateHook
from mitmproxy.master import Master

type Takers = tuple[tuple[Callable[..., Any], ...], ...]
"""The functions that take an event: of each addon in turn, its own first, then its sub-addons'."""


class Dispatch(AddonManager):
    """Triggers events from a table. Addons may come and go; what an addon takes is settled."""

    def __init__(self, master: Master) -> None:
        """Begin without addons."""
        super().__init__(master)  # type: ignore[no-untyped-call]
        self._table: dict[str, Takers] = {}

    @override
    def register(self, addon: object) -> object:
        """Take an addon in, as mitmproxy does."""
        self._table = {}
        return super().register(addon)  # type: ignore[no-untyped-call]

    @override
    def remove(self, addon: object) -> None:
        """Let an addon go, as mitmproxy does."""
        super().remove(addon)  # type: ignore[no-untyped-call]
        self._table = {}

    @override
    def clear(self) -> None:
        """Let all addons go, as mitmproxy does."""
        super().clear()  # type: ignore[no-untyped-call]
        self._table = {}

    @override
    async def handle_lifecycle(self, event: Hook) -> None:
        """Trigger an event of a connection or a flow, and tell of an updated flow who asks."""
        await self.trigger_event(event)
        if self._takers(UpdateHook.name) and isinstance(event.args()[0], Flow):
            await self.trigger_event(UpdateHook([event.args()[0]]))

    @override
    async def trigger_event(self, event: Hook) -> None:
        """Call everyone who takes the event; an exception is logged and ends its addon's turn."""
        takers = self._takers(event.name)
        if not takers:
            return
        arguments = event.args()
        for addon in takers:
            try:
                for take in addon:
                    found = take(*arguments)
                    if found is not None and isawaitable(found):
                        await found
            except AddonHalt:
                return
            except Exception:  # logged as mitmproxy does
                with safecall():
                    raise

    def _takers(self, name: str) -> Takers:
        found = self._table.get(name)
        if found is None:
            found = self._table[name] = tuple(
                takes
                for addon in self.chain
                if (
                    takes := tuple(
                        getattr(each, name) for each in traverse([addon]) if hasattr(each, name)
                    )
                )
            )
        return found
