"""Ends answers that are running: told so in their format's words, then broken off on both sides.

A clean end would be taken for a whole answer, so there is none: after the error event the client's
connection closes in the middle of the body. What had come is settled, once, as cut. With ``cut``
set, a watch looks at the runs of running calls twice a second: a kill comes from another process.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from mitmproxy.http import HTTPFlow, Response

from leash_addon.core.money import ZERO, Pico
from leash_addon.core.reading import Outcome
from leash_addon.core.running import trip_while_running
from leash_addon.core.verdict import Trip
from leash_addon.errors import LeashError
from leash_addon.proxy.call import Call
from leash_addon.proxy.governor import Governor
from leash_addon.proxy.intake import Intake
from leash_addon.proxy.interject import answer, break_off, nudge
from leash_addon.proxy.refusals import Caller, Denial, refusal
from leash_addon.proxy.sockets import Sockets
from leash_addon.proxy.tee import Tee
from leash_addon.proxy.words import stream_words

logger = logging.getLogger(__name__)

EVERY = 0.4
"""Seconds between two looks at the runs of running calls."""

PATIENCE = 0.5
"""Seconds that an event which has begun may take to end before the answer is broken off in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A flow with calls that are open, and whose it is."""

    flow: HTTPFlow
    intake: Intake


class Cutter:
    """Ends running answers of one proxy, when it is told to or, with ``watches``, by itself.

    ``caller``: describes whom an intake is from.
    """

    def __init__(
        self, governor: Governor, sockets: Sockets, caller: Callable[[Intake], Caller]
    ) -> None:
        """Watch nothing yet."""
        self._governor, self._sockets, self._caller = governor, sockets, caller
        self._running: dict[str, Running] = {}
        self._watch: asyncio.Task[None] | None = None
        self._cuts: set[asyncio.Task[None]] = set()

    def begin(self, flow: HTTPFlow, intake: Intake) -> None:
        """Take notice of a flow whose calls run."""
        self._running[flow.id] = Running(flow=flow, intake=intake)
        if self._governor.policy.cut and self._watch is None:
            self._watch = asyncio.create_task(self._look_round(), name="leash-cut")

    def end(self, flow: HTTPFlow) -> None:
        """Forget a flow."""
        self._running.pop(flow.id, None)

    def cut(self, flow: HTTPFlow, denial: Denial) -> None:
        """End a running answer soon. A call that has been settled by then is left alone."""
        found = self._running.pop(flow.id, None)
        if found is not None:
            task = asyncio.create_task(self._cut(found, denial), name="leash-cut-one")
            self._cuts.add(task)
            task.add_done_callback(self._cuts.discard)

    def close(self) -> None:
        """Watch no more."""
        if self._watch is not None:
            self._watch.cancel()

    # ---- cutting

    async def _cut(self, found: Running, denial: Denial) -> None:
        flow, intake = found.flow, found.intake
        try:
            if not await self._sockets.cut(flow, denial) and intake.call is not None:
                await self._end(flow, intake, intake.call, denial)
        except Exception:
            logger.exception("a call of run %s could not be cut", intake.run)

    async def _end(self, flow: HTTPFlow, intake: Intake, call: Call, denial: Denial) -> None:
        if call.settled is not None:
            return
        call.cut, caller = denial.reason, self._caller(intake)
        try:
            if flow.response is None:
                made = refusal(denial, caller)
                self._governor.finish(call, Outcome.CUT)
                if await answer(flow, Response.make(made.status, made.body, made.headers)):
                    return
            elif intake.tee is not None:
                await _say_last(flow, intake.tee, self._words(flow, call, denial, caller))
            await break_off(flow)
        finally:
            self._governor.finish(call, Outcome.CUT)

    def _words(self, flow: HTTPFlow, call: Call, denial: Denial, caller: Caller) -> bytes | None:
        headers = None if flow.response is None else flow.response.headers
        if headers is None or headers.get("content-encoding", "identity") != "identity":
            return None
        response = call.reading().response_id or ""
        return stream_words(denial, caller, headers.get("content-type", ""), response)

    # ---- watching

    async def _look_round(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(EVERY)
                for run in {found.intake.run for found in self._running.values()}:
                    await self._look_at(run)

    async def _look_at(self, run: str) -> None:
        try:
            trip = await self._trip(run)
        except LeashError as error:
            logger.warning("run %s is not looked at: %s", run, error)
            return
        except Exception:
            logger.exception("run %s is not looked at", run)
            return
        if trip is not None:
            for found in self._of(run):
                if self._calls(found):
                    self.cut(found.flow, Denial.of(trip))
            return

    async def _trip(self, run: str) -> Trip | None:
        balance = await self._governor.look(run)
        costs: list[Pico] = []
        for found in self._of(run) if balance.limits.counts_money else ():
            counts = not found.intake.imputed or balance.limits.count_imputed
            costs += [self._governor.running(call) for call in self._calls(found) if counts]
        running, now = Pico(sum(costs)), self._governor.clock()
        return trip_while_running(balance, running, max(costs, default=ZERO), now)

    def _of(self, run: str) -> list[Running]:
        return [found for found in self._running.values() if found.intake.run == run]

    def _calls(self, found: Running) -> tuple[Call, ...]:
        call = found.intake.call
        if call is None:
            return self._sockets.calls(found.flow)
        return () if call.settled is not None else (call,)


async def _say_last(flow: HTTPFlow, tee: Tee, words: bytes | None) -> None:
    tee.end_with(words)
    await nudge(flow)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await tee.ended.wait()
