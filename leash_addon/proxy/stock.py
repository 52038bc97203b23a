"""leash inside stock mitmproxy: options, start and end; the hooks are ``LeashAddon``'s.

Every setting is an option ``leash_*`` with the name that it has everywhere. Whatever is wrong is
logged as an error while mitmproxy starts, which makes it exit. mitmproxy accepts connections a
moment before it tells its addons that it runs; until leash stands, every request gets 503.
"""

import asyncio
import logging
import os
import secrets
import time
from contextlib import ExitStack
from difflib import get_close_matches
from pathlib import Path

from mitmproxy import contentviews, ctx, exceptions
from mitmproxy.addonmanager import Loader
from mitmproxy.http import HTTPFlow, Response

from leash_addon.config import values
from leash_addon.config.load import load
from leash_addon.config.settings import KEYS, Key, Settings
from leash_addon.config.tables import tables
from leash_addon.core.money import Instant
from leash_addon.errors import LeashError
from leash_addon.ledger import Ledger, LedgerWriter, open_ledger
from leash_addon.proxy.access import Access
from leash_addon.proxy.addon import LeashAddon
from leash_addon.proxy.bounded import bounded
from leash_addon.proxy.clients import load_clients
from leash_addon.proxy.closing import closing
from leash_addon.proxy.commands import Commands
from leash_addon.proxy.discreet import discreet
from leash_addon.proxy.flow_view import LeashContentview
from leash_addon.proxy.governor import Governor
from leash_addon.proxy.keys import Keys
from leash_addon.proxy.last_word import LastWord
from leash_addon.proxy.lively import lively
from leash_addon.proxy.master_key import master_key
from leash_addon.proxy.policy import Policy
from leash_addon.proxy.rulebook import Rulebook, open_screening
from leash_addon.proxy.seam import seam
from leash_addon.proxy.secret import open_secret
from leash_addon.proxy.stock_renewal import StockRenewal
from leash_addon.proxy.watching import read_at_rest

logger = logging.getLogger(__name__)

PREFIX = "leash_"
OWN = {
    "leash_run": "Charge every call to this run; else X-Loop-Id or the proxy user names it.",
    "leash_config": "The configuration file (default: ./leash.toml).",
}
STOCK_KEYS = tuple(key for key in KEYS if not key.listener)
"""Settings that are options of mitmproxy; its own listener has its own."""

SILENCE = 3600
"""Seconds that a connection may say nothing: the longest calls think for most of an hour."""


class Stock:
    """Builds a ``LeashAddon`` from mitmproxy's options once mitmproxy runs."""

    name = "leash-stock"

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.addons: list[LeashAddon] = []
        self.commands = Commands(lambda: self._ledger, self._again)
        self._ledger: Ledger | None = None
        self._writer: LedgerWriter | None = None
        self._rulebook: Rulebook | None = None
        self._renewal: StockRenewal | None = None
        self._exit = ExitStack()

    def load(self, loader: Loader) -> None:
        """Declare the options."""
        for key in STOCK_KEYS:
            kind, default = _kind(key)
            about = key.about or f"setting {key.dotted}"
            loader.add_option(PREFIX + key.flat, kind, default, f"leash: {about}.")
        for name, about in OWN.items():
            loader.add_option(name, str | None, None, f"leash: {about}")  # type: ignore[arg-type]

        ctx.master.addons.register(self.commands)
        contentviews.add(LeashContentview)

    def configure(self, updated: set[str]) -> None:
        """Refuse the option that would send a body upstream before it is judged."""
        if "stream_large_bodies" in updated and ctx.options.stream_large_bodies:
            msg = "leash cannot govern with stream_large_bodies: use body_size_limit instead"
            raise exceptions.OptionsError(msg)
        if "proxy_debug" in updated and ctx.options.proxy_debug:
            msg = "leash keeps keys out of logs: proxy_debug would write what goes over the wire"
            raise exceptions.OptionsError(msg)

        if any(name.startswith(PREFIX) for name in updated):
            self._again()

    def _again(self) -> None:
        """Read the settings anew, once leash stands."""
        if self._renewal is not None:
            self._renewal.again()

    async def running(self) -> None:
        """Open the ledger and begin to govern; an error logged here ends mitmproxy."""
        unknown = [name for name in ctx.options.deferred if name.startswith(PREFIX)]
        for name in unknown:
            logger.error("%s: no such option of leash%s", name, _hint(name))
        if unknown:
            return
        try:
            await self._start()
        except LeashError as error:
            logger.error("leash: %s", error)  # noqa: TRY400 - the message says it all

    def request(self, flow: HTTPFlow) -> None:
        """Refuse what comes before leash stands."""
        if not self.addons:
            flow.response = Response.make(503, b"leash is not ready", {"retry-after": "1"})

    async def done(self) -> None:
        """Settle what is open and close the ledger."""
        for watching in (self._rulebook, self._renewal):
            if watching is not None:
                watching.stop()
        if self._writer is None:
            return
        governor, writer, self._writer = self.addons[0].governor, self._writer, None
        self._ledger = None
        governor.close()
        self._exit.close()
        await writer.finish_runs(governor.runs)
        await writer.close()

    async def _start(self) -> None:
        settings, seen = read_at_rest(_settings)
        providers, prices = tables(settings)
        screening = await asyncio.to_thread(open_screening, settings)
        ledger = open_ledger(settings.db, terms=settings.terms)
        writer = LedgerWriter(ledger, clock=_clock, rng=secrets.SystemRandom())
        await writer.start()
        policy = Policy.of(settings, run=ctx.options.leash_run, prices=prices.describe())
        if policy.run is not None:
            await writer.start_run(policy.run, policy.limits, prices=policy.prices)
        governor = Governor(
            ledger=writer,
            prices=prices,
            policy=policy,
            clock=_clock,
            secret=open_secret(settings.home),
        )
        # Eager connections would reach the provider before a call may be refused.
        ctx.options.update(connection_strategy="lazy", tcp_timeout=SILENCE)
        if settings.cut or (screening is not None and screening.cuts):
            ctx.options.update(http2=False)  # a stream can be cut alone, without its siblings
        self._writer, self._ledger = writer, ledger
        keys = Keys(
            writer,
            providers,
            policy,
            master=lambda: master_key(os.environ, settings.home),
            clock=_clock,
        )
        self._exit.enter_context(seam(keys.swaps))
        self._exit.enter_context(closing())
        self._exit.enter_context(discreet())
        self._exit.enter_context(bounded(settings.max_body))
        access = Access.of(settings, providers, clock=_clock, run=policy.run)
        self.addons.append(
            LeashAddon(
                governor,
                providers,
                load_clients(),
                remarks=True,
                keys=keys,
                screening=screening,
                access=access,
            )
        )
        self._exit.callback(LastWord(self.addons[0], ctx.master.addons).leave)
        self._renewal = StockRenewal(
            self.addons[0], writer, providers, read=_settings, begun=settings, seen=seen
        )
        self._renewal.start()
        if screening is not None:
            self._rulebook = Rulebook(screening, settings, alone=False)
            self._rulebook.start()
            self._exit.enter_context(lively())
        if not settings.limits_given:
            logger.warning("leash: no limit is set; calls are metered and none is refused")


def _settings() -> Settings:
    options = ctx.options
    config = options.leash_config
    return load(
        env=os.environ,
        cwd=Path.cwd(),
        home=Path.home(),
        flags={key.flat: _given(getattr(options, PREFIX + key.flat)) for key in STOCK_KEYS},
        config=Path(config) if config else None,
        flag_place=lambda key: PREFIX + key.flat,
    )


def _given(value: object) -> object:
    """Take ``False`` as not given: mitmproxy knows no boolean that is neither."""
    return None if value is False else value


def _kind(key: Key) -> tuple[type, object]:
    if key.read is values.flag:
        return bool, False
    kind = int | None if key.read is values.count else str | None
    return kind, None  # type: ignore[return-value]  # mitmproxy takes optional types


def _hint(name: str) -> str:
    close = get_close_matches(name, [*OWN, *(PREFIX + key.flat for key in STOCK_KEYS)], n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _clock() -> Instant:
    return Instant(time.time_ns() // 1000)
