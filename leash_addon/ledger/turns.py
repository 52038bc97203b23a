"""The turns of an event loop at the ledger: what is due goes into one transaction.

The queued settlements first (a client's next call must see what its last one cost), then every
admission that asked in the same turn of the loop. It runs inline, for a commit without fsync takes
less time than a hop to a thread.

A settlement is queued until it is written: through a lock, a full disk, a ledger that comes back.
The queue needs no bound of its own, since while settlements cannot be written nothing is admitted.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from itertools import islice

from leash_addon.core.ask import Ask
from leash_addon.core.money import ZERO, Instant
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.verdict import Allow, Verdict
from leash_addon.errors import LedgerBusy, LedgerError
from leash_addon.ledger.ledger import Ledger
from leash_addon.ledger.settlement import Settlement

_log = logging.getLogger(__name__)

BATCH = 64
"""Settlements in one transaction, at most: a few milliseconds of the loop."""

SETTLE_AFTER = 0.01
"""Seconds in which settlements gather. Calls in a row are closer than this, so that the end of one
and the beginning of the next are one transaction."""

BUSY_FOR = 2.0
"""Seconds in which a held write lock is tried again before an admission gives up."""

BROKEN_PAUSE = 0.25


def pause(rng: random.Random) -> float:
    """Return the seconds to wait for a held lock: 1 to 10 ms, so that waiters do not march."""
    return 0.001 + rng.random() * 0.009


class _Waiting:
    """An admission that waits for its verdict."""

    __slots__ = ("ask", "until", "verdict")

    def __init__(self, ask: Ask, loop: asyncio.AbstractEventLoop) -> None:
        self.ask = ask
        self.verdict: asyncio.Future[Verdict] = loop.create_future()
        self.until = loop.time() + BUSY_FOR


class Turns:
    """Admissions and settlements on their way into a ledger. ``lost``: why it must not be used."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], Instant], rng: random.Random) -> None:
        """Begin with nothing queued."""
        self.lost: LedgerError | None = None
        self._ledger = ledger
        self._clock = clock
        self._rng = rng
        self._ends: dict[str, Settlement] = {}
        self._asks: list[_Waiting] = []
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0

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
            done = waiting.verdict
            if done.done() and not done.cancelled() and done.exception() is None:
                self._take_back(ask, done.result())
            raise

    def settle(self, settlement: Settlement) -> None:
        """Queue the end of a call; it is written within milliseconds. The first one counts."""
        self._ends.setdefault(settlement.call, settlement)
        self._flush_in(SETTLE_AFTER)

    async def empty(self, within: float) -> None:
        """Wait until everything queued is written.

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

    def stop(self) -> None:
        """Write no more by itself."""
        if self._timer is not None:
            self._timer.cancel()

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
        if self.lost is not None:
            raise self.lost
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
            self._give(waiting, verdict)

    def _give(self, waiting: _Waiting, verdict: Verdict | LedgerError) -> None:
        if waiting.verdict.done():  # cancelled by a listener of this very commit
            self._take_back(waiting.ask, verdict)
        elif isinstance(verdict, LedgerError):
            waiting.verdict.set_exception(verdict)
        else:
            waiting.verdict.set_result(verdict)

    def _try_again(self, asks: list[_Waiting], error: LedgerBusy) -> None:
        now = asyncio.get_running_loop().time()
        self._asks[:0] = [waiting for waiting in asks if waiting.until > now]
        self._answer([waiting for waiting in asks if waiting.until <= now], error)
        self._flush_in(pause(self._rng))

    def _fail(self, asks: list[_Waiting], error: LedgerError) -> None:
        self._answer(asks, error)
        if self._ends:
            self._flush_in(BROKEN_PAUSE)

    def _answer(self, asks: list[_Waiting], error: LedgerError) -> None:
        for waiting in asks:
            waiting.verdict.set_exception(error)

    def _take_back(self, ask: Ask, verdict: Verdict | LedgerError) -> None:
        """Settle a call that was opened for a caller who is gone."""
        if isinstance(verdict, Allow):
            self.settle(
                Settlement(
                    call=ask.call,
                    at=self._clock(),
                    cost=ZERO,
                    confidence=Confidence.MEASURED,
                    outcome=Outcome.UNSENT,
                )
            )
