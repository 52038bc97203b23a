"""The turns of an event loop at the ledger: what is due goes into one transaction.

The queued settlements first (a client's next call must see what its last one cost), then the
admissions that wait. It runs in a ``Lane``: inline, and then no more than a few milliseconds' worth
at once; or in a thread, and then whatever is asked while a transaction is under way shares the next
one.

A settlement is queued until it is written: through a lock, a full disk, a ledger that comes back.
The queue needs no bound of its own, since while settlements cannot be written nothing is admitted.
"""

import asyncio
import logging
import random
from collections.abc import Callable
from itertools import islice
from time import thread_time

from leash_addon.core.ask import Ask
from leash_addon.core.money import ZERO, Instant
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.verdict import Allow, Verdict
from leash_addon.errors import LedgerBusy, LedgerError, LedgerUnsure
from leash_addon.ledger.lane import Lane
from leash_addon.ledger.ledger import Ledger
from leash_addon.ledger.pace import Pace
from leash_addon.ledger.settlement import Settlement
from leash_addon.ledger.turn import Turn, Waiting

_log = logging.getLogger(__name__)

BATCH = 64
"""Settlements in one transaction, at most, where it does not run on the loop."""

SETTLE_AFTER = 0.01
"""Seconds in which settlements gather. Calls in a row are closer than this, so that the end of one
and the beginning of the next are one transaction."""

BUSY_FOR = 2.0
"""Seconds in which a held write lock is tried again before an admission gives up."""

BROKEN_PAUSE = 0.25

ANSWER_WITHIN = 5.0
"""Seconds in which a database across a network must have answered: one that hangs (its machine
stopped, the network gone) would keep every caller waiting. What it does later is taken back."""


def pause(rng: random.Random) -> float:
    """Return the seconds to wait for a held lock: 1 to 10 ms, so that waiters do not march."""
    return 0.001 + rng.random() * 0.009


class Turns:
    """Admissions and settlements on their way into a ledger.

    ``lost``: why it must not be used. ``hangs``: what is said while it has not answered for too
    long; it goes on by itself when it does.
    """

    def __init__(
        self, ledger: Ledger, lane: Lane, *, clock: Callable[[], Instant], rng: random.Random
    ) -> None:
        """Begin with nothing queued."""
        self.lost: LedgerError | None = None
        self.hangs: LedgerError | None = None
        self._ledger = ledger
        self._lane = lane
        self._pace = Pace()
        self._booking = False
        self._clock = clock
        self._rng = rng
        self._ends: dict[str, Settlement] = {}
        self._asks: list[Waiting] = []
        self._timer: asyncio.Handle | None = None
        self._timer_at = 0.0

    async def admit(self, ask: Ask) -> Verdict:
        """Decide one call. Raises ``LedgerError`` when that cannot be put on record.

        A caller that is cancelled after the call was opened will not send it: it settles at zero.
        """
        if self.hangs is not None:
            raise self.hangs
        loop = asyncio.get_running_loop()
        waiting = Waiting(ask, loop, BUSY_FOR)
        self._asks.append(waiting)
        self._flush_in(0.0)
        late = (
            None if self._ledger.inline else loop.call_later(ANSWER_WITHIN, self._give_up, waiting)
        )
        try:
            return await waiting.verdict
        except asyncio.CancelledError:
            done = waiting.verdict
            if done.done() and not done.cancelled() and done.exception() is None:
                self._take_back_if_open(ask, done.result())
            raise
        finally:
            if late is not None:
                late.cancel()

    def hang(self) -> LedgerError:
        """Refuse everything until the database has answered; return what to say."""
        if self.hangs is None:
            msg = f"ledger {self._ledger.path}: it has not answered for {ANSWER_WITHIN:g} s"
            self.hangs = LedgerError(msg)
            self._lane.go(_nothing, self._answers)
        return self.hangs

    def _answers(self) -> None:
        self.hangs = None

    def _give_up(self, waiting: Waiting) -> None:
        self._answer([waiting], self.hang())

    def settle(self, settlement: Settlement) -> None:
        """Queue the end of a call; it is written within milliseconds. The first one counts."""
        self._ends.setdefault(settlement.call, settlement)
        self._flush_in(SETTLE_AFTER)

    async def empty(self, within: float) -> None:
        """Wait until everything queued is written.

        Raises ``LedgerError`` when that takes more than ``within`` seconds; it stays queued.
        """
        until = asyncio.get_running_loop().time() + within
        while self._ends or self._booking:
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
        """Write what is due, unless a transaction is under way: its end flushes again.

        Never raises: every waiting admission gets its answer.
        """
        self._timer = None
        if self._booking:
            return
        turn = self._next_turn()
        if not turn.ends and not turn.asks:
            return
        if self.lost is not None:
            self._fail(turn, self.lost)
            if self._asks:
                self._flush_in(0.0)
            return
        self._booking = True
        asks = [waiting.ask for waiting in turn.asks]
        begun = thread_time()

        def booked() -> None:
            self._pace.took(len(turn.ends) + len(asks), thread_time() - begun)
            self._booked(turn)

        self._lane.go(lambda: turn.book(self._ledger, asks, self._clock()), booked)

    def _next_turn(self) -> Turn:
        """Take what goes into one transaction; admissions only once no older end waits."""
        asks = [waiting for waiting in self._asks if not waiting.verdict.done()]
        inline = self._ledger.inline
        room = self._pace.room if inline else BATCH
        ends = list(islice(self._ends.values(), room))
        left = room - len(ends) if inline else len(asks)
        taken = asks[:left] if len(ends) == len(self._ends) else []
        self._asks = asks[len(taken) :]
        return Turn(ends, taken)

    def _booked(self, turn: Turn) -> None:
        self._booking = False
        match turn.error:
            case None:
                self._deliver(turn)
            case LedgerBusy():
                self._try_again(turn.asks, turn.error)
                return
            case LedgerUnsure():
                for waiting in turn.asks:
                    self._take_back(waiting.ask)
                self._fail(turn, turn.error)
            case LedgerError():
                self._fail(turn, turn.error)
            case _:
                _log.error(
                    "ledger %s: a transaction failed", self._ledger.path, exc_info=turn.error
                )
                self._fail(turn, LedgerError(f"ledger {self._ledger.path}: {turn.error!r}"))
        if self._asks:
            self._flush_in(0.0)

    def _deliver(self, turn: Turn) -> None:
        for end in turn.ends:
            del self._ends[end.call]
        for waiting, verdict in zip(turn.asks, turn.verdicts, strict=True):
            self._give(waiting, verdict)
        if self._ends:
            over = self._ledger.inline or len(self._ends) >= BATCH
            self._flush_in(0.0 if over else SETTLE_AFTER)

    def _give(self, waiting: Waiting, verdict: Verdict | LedgerError) -> None:
        if waiting.verdict.done():  # cancelled by a listener of this very commit
            self._take_back_if_open(waiting.ask, verdict)
        elif isinstance(verdict, LedgerError):
            waiting.verdict.set_exception(verdict)
        else:
            waiting.verdict.set_result(verdict)

    def _try_again(self, asks: list[Waiting], error: LedgerBusy) -> None:
        now = asyncio.get_running_loop().time()
        self._asks[:0] = [waiting for waiting in asks if waiting.until > now]
        self._answer([waiting for waiting in asks if waiting.until <= now], error)
        self._flush_in(pause(self._rng))

    def _fail(self, turn: Turn, error: LedgerError) -> None:
        self._answer(turn.asks, error)
        if self._ends:
            self._flush_in(BROKEN_PAUSE)

    def _answer(self, asks: list[Waiting], error: LedgerError) -> None:
        for waiting in asks:
            if not waiting.verdict.done():
                waiting.verdict.set_exception(error)

    def _take_back_if_open(self, ask: Ask, verdict: Verdict | LedgerError) -> None:
        if isinstance(verdict, Allow):
            self._take_back(ask)

    def _take_back(self, ask: Ask) -> None:
        """Settle a call that was, or may have been, opened for a caller who will not send it."""
        self.settle(
            Settlement(
                call=ask.call,
                at=self._clock(),
                cost=ZERO,
                confidence=Confidence.MEASURED,
                outcome=Outcome.UNSENT,
            )
        )


def _nothing() -> None:
    """Take a turn in a lane."""
