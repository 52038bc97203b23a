"""The ledger on an event loop: admissions are awaited, settlements are left behind.

``Turns`` writes them, ``Durability`` syncs them, and a heartbeat keeps our holds alive and looks
for dead owners.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from leash_addon.core.ask import Ask
from leash_addon.core.balance import Balance
from leash_addon.core.journal import Entry
from leash_addon.core.limits import Limits
from leash_addon.core.money import Instant
from leash_addon.core.terms import Terms
from leash_addon.core.verdict import Verdict
from leash_addon.errors import LedgerBusy, LedgerError
from leash_addon.ledger import turns
from leash_addon.ledger.lane import lane
from leash_addon.ledger.ledger import Ledger
from leash_addon.ledger.settlement import Settlement
from leash_addon.ledger.turns import BUSY_FOR, Turns, pause
from leash_addon.ledger.virtual_keys import StoredKey, find_key

_log = logging.getLogger(__name__)

BEAT = 5.0
SYNC_AFTER = 0.03
"""Seconds in which commits gather for one fsync. The loop counts them, not the thread that syncs:
to wake a thread takes longer than a commit, and a call would wait for it."""

SWEEP_EVERY = 3
"""Heartbeats between two looks for dead owners."""


class LedgerWriter:
    """Admits and settles on the loop that ``start`` was called on, and keeps our holds alive.

    ``on_entry`` gets every entry that this process commits, after the commit.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        clock: Callable[[], Instant],
        rng: random.Random,
        on_entry: Callable[[Entry], None] | None = None,
    ) -> None:
        """Take the ledger over; from ``start`` on it never blocks for another's lock.

        Made on a running loop.
        """
        self._ledger = ledger
        self._clock = clock
        self._rng = rng
        self._on_entry = on_entry
        self._lane = lane(inline=ledger.inline)
        self._turns = Turns(ledger, self._lane, clock=clock, rng=rng)
        self._background = ledger.database.background()
        self._beats: asyncio.Task[None] | None = None
        self._sync: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Sweep the holds of dead processes, then keep ours alive until ``close``."""
        self._ledger.do_not_wait()
        self._ledger.on_commit = self._lane.on_loop(self._tell)
        await self._patiently(lambda: self._ledger.enter(self._clock()))
        await self._patiently(lambda: self._ledger.sweep(self._clock()))
        self._background.start()
        self._beats = asyncio.create_task(self._beat(), name="leash-ledger-beat")

    async def take(self, terms: Terms) -> None:
        """Admit calls under other caps, rate limits and holds, from the next one on."""
        await self._lane.do(lambda: self._ledger.charging.take(terms))

    async def start_run(
        self,
        run: str,
        limits: Limits | None,
        *,
        program: str = "",
        prices: str = "",
        keeps_raised: bool = False,
    ) -> Balance:
        """Govern a run, as ``Ledger.start_run`` does."""
        return await self._promptly(
            lambda: self._ledger.start_run(
                run,
                limits,
                program=program,
                prices=prices,
                keeps_raised=keeps_raised,
                now=self._clock(),
            )
        )

    async def finish_run(
        self, run: str, exit_code: int, coverage: dict[str, int] | None = None
    ) -> Balance:
        """Record a run's end, after everything that is queued."""
        await self.drain()
        return await self._patiently(
            lambda: self._ledger.finish_run(run, exit_code, self._clock(), coverage=coverage)
        )

    async def finish_runs(self, runs: Iterable[str]) -> None:
        """Record the ends of many runs whose proxy ends, after everything that is queued.

        Waits for the disk once, not once a run: a shared proxy may have had thousands.
        """
        await self.drain()
        for run in sorted(runs):
            await self._patiently(partial(self._ledger.finish_run, run, 0, self._clock()))

    def balance(self, run: str) -> Balance:
        """Return what a run stands at, without what is still queued; never waits for a network.

        Raises ``LedgerError`` for a run that only a network could tell of.
        """
        return self._ledger.last_seen(run)

    async def look(self, run: str) -> Balance:
        """Return what a run stands at in the database, whichever process changed it."""
        return await self._promptly(lambda: self._ledger.balance(run))

    async def admit(self, ask: Ask) -> Verdict:
        """Decide one call. Raises ``LedgerError`` when that cannot be put on record.

        A caller that is cancelled after the call was opened will not send it: it settles at zero.
        """
        return await self._turns.admit(ask)

    async def note(self, ask: Ask) -> None:
        """Record what screening found in words that ask for no call. Raises ``LedgerError``."""
        await self._promptly(lambda: self._ledger.note(ask, self._clock()))

    async def find_key(self, token: str) -> StoredKey | None:
        """Look an ``lsh_`` key up. Raises ``LedgerError``."""
        return await self._promptly(lambda: find_key(self._ledger.database, token))

    def settle(self, settlement: Settlement) -> None:
        """Queue the end of a call; it is written within milliseconds. The first one counts."""
        self._turns.settle(settlement)

    async def drain(self, within: float = 5.0) -> None:
        """Wait until everything queued is written and synced.

        Raises ``LedgerError`` when that takes more than ``within`` seconds; it stays queued.
        """
        await self._turns.empty(within)
        await asyncio.to_thread(self._ledger.database.sync)

    async def close(self) -> None:
        """Write what is queued, give our holds up and close the file."""
        try:
            await self.drain(within=5.0 if self._turns.hangs is None else 0.0)
        except (LedgerError, OSError) as error:
            _log.error("%s", error)
        self._turns.stop()
        if self._sync is not None:
            self._sync.cancel()
        if self._beats is not None:
            self._beats.cancel()
            with suppress(asyncio.CancelledError):
                await self._beats
            await asyncio.to_thread(self._background.stop)
        try:
            await self._promptly(lambda: self._ledger.close(self._clock()))
        except LedgerError as error:
            _log.error("%s; calls that are open settle at what was held for them", error)
        self._lane.close()

    async def _patiently[T](self, act: Callable[[], T]) -> T:
        """Do something that may find the lock held, again and again for a while."""
        until = asyncio.get_running_loop().time() + BUSY_FOR
        while True:
            try:
                return await self._lane.do(act)
            except LedgerBusy:
                if asyncio.get_running_loop().time() >= until:
                    raise
            await asyncio.sleep(pause(self._rng))

    async def _promptly[T](self, act: Callable[[], T]) -> T:
        """Do what a call waits for, unless the database hangs: then ``LedgerError``, and soon."""
        if self._turns.hangs is not None:
            raise self._turns.hangs
        try:
            async with asyncio.timeout(None if self._ledger.inline else turns.ANSWER_WITHIN):
                return await self._patiently(act)
        except TimeoutError:
            raise self._turns.hang() from None

    async def _beat(self) -> None:
        """Renew our lease, and look for dead owners now and then; a broken ledger is retried."""
        beats = 0
        while True:
            await asyncio.sleep(BEAT)
            beats += 1
            try:
                self._turns.lost = self._ledger.misplaced()
                await self._patiently(lambda: self._ledger.heartbeat(self._clock()))
                if beats % SWEEP_EVERY == 0:
                    await self._patiently(lambda: self._ledger.sweep(self._clock()))
            except LedgerError as error:
                _log.warning("%s", error)

    def _ask_for_sync(self) -> None:
        self._sync = None
        self._background.ask()

    def _tell(self, entries: tuple[Entry, ...]) -> None:
        if self._sync is None:
            later = asyncio.get_running_loop().call_later
            self._sync = later(SYNC_AFTER, self._ask_for_sync)
        if self._on_entry is None:
            return
        for entry in entries:
            try:
                self._on_entry(entry)
            except Exception:  # noqa: BLE001 - what was committed stays so
                _log.exception("a listener of the ledger failed")
