"""Everything that governs, put together: packs, prices, authority, ledger, proxy.

The order matters at both ends. The ledger stands before the proxy listens, and the proxy has
settled every call before the ledger closes.
"""

import logging
import random
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from leash_addon.cli.environment import Trust, trust_of
from leash_addon.cli.options import now
from leash_addon.config.prices import Prices
from leash_addon.config.rules import load_packs
from leash_addon.config.settings import Settings
from leash_addon.config.tables import tables
from leash_addon.core.journal import Entry
from leash_addon.errors import UsageError
from leash_addon.ledger import Ledger, LedgerWriter, open_ledger
from leash_addon.proxy.access import Access
from leash_addon.proxy.addon import LeashAddon
from leash_addon.proxy.bundle import write_bundle
from leash_addon.proxy.ca import Authority, open_authority
from leash_addon.proxy.clients import load_clients
from leash_addon.proxy.governor import Governor
from leash_addon.proxy.hosts import authority_hosts
from leash_addon.proxy.keys import Keys
from leash_addon.proxy.listening import Listening
from leash_addon.proxy.lively import lively
from leash_addon.proxy.master import Proxy
from leash_addon.proxy.master_key import master_key
from leash_addon.proxy.policy import Policy
from leash_addon.proxy.regions import constraint_names
from leash_addon.proxy.rulebook import Rulebook, open_screening
from leash_addon.proxy.screening import Screening
from leash_addon.proxy.secret import open_secret
from leash_addon.wire.routes import Providers

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What can be had without listening or writing to the ledger."""

    settings: Settings
    providers: Providers
    prices: Prices
    authority: Authority

    @property
    def governed_hosts(self) -> tuple[str, ...]:
        """Name the hosts of the providers that the user's own configuration names."""
        rules = [self.providers.find(name) for name in self.settings.providers]
        return tuple(host for rule in rules if rule is not None for host in rule.hosts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A proxy that runs, and what it writes to."""

    addon: LeashAddon
    port: int
    trust: Trust
    proxy: Proxy
    providers: Providers

    def check(self, providers: Providers) -> None:
        """Raise ``UsageError`` for packs that name hosts for which the authority cannot sign."""
        permits = self.proxy.authority.permits
        names = constraint_names(authority_hosts(providers))
        beyond = [name for name in names if not permits(name)]
        if beyond:
            msg = f"providers: {', '.join(beyond[:3])}: a new host needs a new root: restart leash"
            raise UsageError(msg)


def equip(settings: Settings) -> Equipment:
    """Load packs, prices and the authority. Raises ``UsageError`` for what is wrong in them."""
    providers, prices = tables(settings)
    if settings.screening.on:
        load_packs(settings.screening.packs, settings.screening.base)  # a wrong one is said early
    return Equipment(
        settings=settings,
        providers=providers,
        prices=prices,
        authority=authority_of(settings, providers),
    )


def authority_of(settings: Settings, providers: Providers) -> Authority:
    """Open leash's own authority, made on first use."""
    return open_authority(settings.home / "ca", authority_hosts(providers), datetime.now(UTC))


@asynccontextmanager
async def writing(
    settings: Settings, on_entry: Callable[[Entry], None] | None = None
) -> AsyncIterator[tuple[Ledger, LedgerWriter]]:
    """Open the ledger for governing, and close it when everything in it is settled."""
    ledger = open_ledger(settings.db, terms=settings.terms)
    writer = LedgerWriter(ledger, clock=now, rng=rng(), on_entry=on_entry)
    try:
        await writer.start()
        yield ledger, writer
    finally:
        await writer.close()


@asynccontextmanager
async def proxying(
    equipment: Equipment,
    writer: LedgerWriter,
    policy: Policy,
    environ: dict[str, str],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    shared: bool = False,
    listening: Listening | None = None,
    loudness: int = logging.WARNING,
) -> AsyncIterator[Engine]:
    """Run the proxy; leaving settles every call. ``environ`` is the one that was inherited.

    ``shared``: other processes listen on the same port. ``listening``: others than a child of ours
    may come, and somebody else tells of a broken configuration. ``loudness``: the level at which
    new rules are told of.
    """
    settings, authority = equipment.settings, equipment.authority
    governor = Governor(
        ledger=writer,
        prices=equipment.prices,
        policy=policy,
        clock=now,
        secret=open_secret(equipment.settings.home),
    )
    home, clients = settings.home, load_clients()
    access = Access.of(
        settings,
        equipment.providers,
        clock=now,
        run=policy.run,
        shared=listening is not None,
        child=listening is None,
        root_pem=authority.root_pem,
    )
    keys = Keys(
        writer,
        equipment.providers,
        policy,
        master=lambda: master_key(environ, home),
        clock=now,
    )
    addon = LeashAddon(
        governor,
        equipment.providers,
        clients,
        remarks=listening is not None and listening.web is not None,
        keys=keys,
        screening=open_screening(settings),
        access=access,
    )
    with tempfile.TemporaryDirectory(prefix="leash-", ignore_cleanup_errors=True) as folder:
        files = write_bundle(Path(folder), authority.root_pem, environ)
        async with Proxy(
            addon,
            authority,
            host=host,
            port=port,
            upstream_roots=files.upstream,
            shared=shared,
            listening=listening,
            max_body=settings.max_body,
        ) as proxy:
            told = partial(logger.log, loudness)
            book = _book(addon.screening, settings, told, alone=listening is None)
            with book, lively():
                yield Engine(
                    addon=addon,
                    port=proxy.port,
                    trust=trust_of(files),
                    proxy=proxy,
                    providers=equipment.providers,
                )


@contextmanager
def _book(
    screening: Screening | None, settings: Settings, told: Callable[[str], None], *, alone: bool
) -> Iterator[None]:
    """Take new screening rules as they are written. ``alone``: nobody else reads the files."""
    if screening is None:
        yield
        return
    book = Rulebook(screening, settings, told=told, alone=alone)
    book.start()
    try:
        yield
    finally:
        book.stop()


def rng() -> random.Random:
    """Return the system's randomness."""
    return secrets.SystemRandom()
