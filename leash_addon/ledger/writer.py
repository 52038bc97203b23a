"""The ledger on an event loop: admissions are awaited, settlements are left in a queue.

Whatever is due goes into one transaction: the queued settlements first (a client's next call must
see what its last one cost), then every admission that asked in the same turn of the loop. It runs
inline, for a commit without fsync takes less time than a hop to a thread; ``Durability`` syncs it.

A settlement is queued until it is written: through a lock, a full disk, a ledger that comes back.
The queue needs no bound of its own, since while settlements cannot be written nothing is admitted.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from itertools import islice

from leash_addon.core.ask import Ask
from leash_addon.core.balance import Balance
from leash_addon.core.journal import Entry
from leash_addon.core.limits import Limits
from leash_addon.core.money import ZERO, Instant
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.verdict import Allow, Verdict
from leash_addon.errors import LedgerBusy, LedgerError
from leash_addon.ledger.durability import Durability, sync_log
from leash_addon.ledger.ledger import Ledger
from leash_addon.ledger.settlement import Settlement

_log = logging.getLogger(__name__)

BATCH = 64
"""Settlements in one transaction, at most: about a millisecond of the loop."""

SETTLE_AFTER = 0.003
BUSY_FOR = 2.0
"""Seconds in which a held write lock is tried again before an admission gives up."""

BROKEN_PAUSE = 0.25
BEAT = 5.0
SWEEP_EVERY = 3
"""Heartbeats between two looks for dead owners."""


class _Waiting:
    """An admission that waits for its verdict."""

    __slots__ = ("ask", "until", "verdict")

    def __init__(self, ask: Ask, loop: asyncio.AbstractEventLoop) -> None:
        self.ask = ask
        self.verdict: asyncio.Future[Verdict] = loop.create_future()
        self.until = loop.time() + BUSY_FOR


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
        """Take the ledger over; from ``start`` on it never blocks for another's lock."""
        self._ledger = ledger
        self._clock = clock
        self._rng = rng
        self._on_entry = on_entry
        self._ends: dict[str, Settlement] = {}
        self._asks: list[_Waiting] = []
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0
        self._lost: LedgerError | None = None
        self._durability = Durability(ledger.path)
        self._beats: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Sweep the holds of dead processes, then keep ours alive until ``close``."""
        self._ledger.do_not_wait()
        self._ledger.on_commit = self._tell
        await self._patiently(lambda: self._ledger.enter(self._clock()))
        await self._patiently(lambda: self._ledger.sweep(self._clock()))
        self._durability.start()
        self._beats = asyncio.create_task(self._beat(), name="leash-ledger-beat")

    async def start_run(
        self, run: str, limits: Limits | None, *, program: str = "", prices: str = ""
    ) -> Balance:
        """Govern a run, as ``Ledger.start_run`` does."""
        return await self._patiently(
            lambda: self._ledger.start_run(
                run, limits, program=program, prices=prices, now=self._clock()
            )
        )

    async def finish_run(self, run: str, exit_code: int) -> Balance:
        """Record a run's end, after everything that is queued."""
        await self.drain()
        return await self._patiently(lambda: self._ledger.finish_run(run, exit_code, self._clock()))

    def balance(self, run: str) -> Balance:
        """Return what a run stands at, without what is still queued."""
        return self._ledger.balance(run)

    async def admit(self, ask: Ask) -> Verdict:
        """Decide one call. Raises ``LedgerError`` when that cannot be put on record.

        A caller that is cancelled after the call was opened will not send it: it settles at zero.
        """
        waiting = _Waiting(ask, asyncio.get_running_loop())
        self._asks.append(waiting)
        self._flush_in(0.0)
        try:
            return await waiting.verdict
        except asyncio.CancelledError:
            self._take_back(waiting)
            raise

    def settle(self, settlement: Settlement) -> None:
        """Queue the end of a call; it is written within milliseconds. The first one counts."""
        self._ends.setdefault(settlement.call, settlement)
        self._flush_in(SETTLE_AFTER)

    async def drain(self, within: float = 5.0) -> None:
        """Wait until everything queued is written and synced.

        Raises ``LedgerError`` when that takes more than ``within`` seconds; it stays queued.
        """
        until = asyncio.get_running_loop().time() + within
        while self._ends:
            self._flush_in(0.0)
            if asyncio.get_running_loop().time() >= until:
                msg = (
                    f"ledger {self._ledger.path}: {len(self._ends)} settlements could not be "
                    "written; their calls count at what was held for them"
                )
                raise LedgerError(msg)
            await asyncio.sleep(0.005)
        await asyncio.to_thread(sync_log, self._ledger.path)

    async def close(self) -> None:
        """Write what is queued, give our holds up and close the file."""
        try:
            await self.drain()
        except (LedgerError, OSError) as error:
            _log.error("%s", error)
        if self._timer is not None:
            self._timer.cancel()
        if self._beats is not None:
            self._beats.cancel()
            await asyncio.to_thread(self._durability.stop)
        self._ledger.close(self._clock())

    # --- the queue

    def _flush_in(self, delay: float) -> None:
        """Flush after ``delay`` seconds at the latest."""
        loop = asyncio.get_running_loop()
        at = loop.time() + delay
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = loop.call_later(delay, self._flush) if delay else loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Write what is due. Never raises: every waiting admission gets its answer."""
        self._timer = None
        asks = [waiting for waiting in self._asks if not waiting.verdict.done()]
        self._asks = []
        try:
            self._write(asks)
        except LedgerBusy as error:
            self._try_again(asks, error)
        except LedgerError as error:
            self._fail(asks, error)
        except Exception as error:  # noqa: BLE001 - an admission must get an answer
            _log.exception("ledger %s: a transaction failed", self._ledger.path)
            self._fail(asks, LedgerError(f"ledger {self._ledger.path}: {error!r}"))

    def _write(self, asks: list[_Waiting]) -> None:
        if self._lost is not None:
            raise self._lost
        while len(self._ends) > BATCH:
            self._book([])
        if self._ends or asks:
            self._book(asks)

    def _book(self, asks: list[_Waiting]) -> None:
        ends = list(islice(self._ends.values(), BATCH))
        verdicts = self._ledger.book(ends, [waiting.ask for waiting in asks], self._clock())
        for end in ends:
            del self._ends[end.call]
        for waiting, verdict in zip(asks, verdicts, strict=True):
            if isinstance(verdict, LedgerError):
                waiting.verdict.set_exception(verdict)
            else:
                waiting.verdict.set_result(verdict)
        self._durability.ask()

    def _try_again(self, asks: list[_Waiting], error: LedgerBusy) -> None:
        now = asyncio.get_running_loop().time()
        self._asks[:0] = [waiting for waiting in asks if waiting.until > now]
        self._answer([waiting for waiting in asks if waiting.until <= now], error)
        self._flush_in(self._pause())

    def _fail(self, asks: list[_Waiting], error: LedgerError) -> None:
        self._answer(asks, error)
        if self._ends:
            self._flush_in(BROKEN_PAUSE)

    def _answer(self, asks: list[_Waiting], error: LedgerError) -> None:
        for waiting in asks:
            waiting.verdict.set_exception(error)

    def _take_back(self, waiting: _Waiting) -> None:
        """Settle a call that was opened for a caller who is gone."""
        verdict = waiting.verdict
        if verdict.cancelled() or not verdict.done() or verdict.exception() is not None:
            return
        if isinstance(verdict.result(), Allow):
            self.settle(
                Settlement(
                    call=waiting.ask.call,
                    at=self._clock(),
                    cost=ZERO,
                    confidence=Confidence.MEASURED,
                    outcome=Outcome.UNSENT,
                )
            )

    # --- upkeep

    async def _patiently[T](self, act: Callable[[], T]) -> T:
        """Do something that may find the lock held, again and again for a while."""
        until = asyncio.get_running_loop().time() + BUSY_FOR
        while True:
            try:
                return act()
            except LedgerBusy:
                if asyncio.get_running_loop().time() >= until:
                    raise
            await asyncio.sleep(self._pause())

    def _pause(self) -> float:
        return 0.001 + self._rng.random() * 0.009

    async def _beat(self) -> None:
        """Renew our lease, and look for dead owners now and then; a broken ledger is retried."""
        beats = 0
        while True:
            await asyncio.sleep(BEAT)
            beats += 1
            try:
                self._lost = self._ledger.misplaced()
                await self._patiently(lambda: self._ledger.heartbeat(self._clock()))
                if beats % SWEEP_EVERY == 0:
                    await self._patiently(lambda: self._ledger.sweep(self._clock()))
            except LedgerError as error:
                _log.warning("%s", error)

    def _tell(self, entries: tuple[Entry, ...]) -> None:
        if self._on_entry is None:
            return
        for entry in entries:
            try:
                self._on_entry(entry)
            except Exception:  # noqa: BLE001 - what was committed stays so
                _log.exception("a listener of the ledger failed")
