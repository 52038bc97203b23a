"""The WebSockets that are metered: one connection, a call for every turn.

A message that asks for a turn is admitted before it goes upstream; mitmproxy holds everything else
of the connection back meanwhile, so order stays. A turn that the server begins by itself is judged
as it begins, which is the earliest that anybody knows of it. A turn that is refused is told so in
the format's own words, and after a final no the connection is closed.

Every message of the client that holds words is screened, for a session keeps what it was told; what
is found goes on record before the message goes on. Of a Realtime session a
hostile message is dropped with an error, and the session lives on without it.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

from mitmproxy.http import HTTPFlow
from mitmproxy.websocket import WebSocketMessage

from leash_addon.core.ask import Ask
from leash_addon.core.reading import Outcome, Reading
from leash_addon.core.verdict import Trip
from leash_addon.errors import LedgerError
from leash_addon.proxy.asking import ask_of
from leash_addon.proxy.bounds import Bounds
from leash_addon.proxy.conversation import Socket, ended, has_output, model_of
from leash_addon.proxy.coverage import Coverage
from leash_addon.proxy.failing import account_of
from leash_addon.proxy.governor import Call, Governor
from leash_addon.proxy.intake import Intake
from leash_addon.proxy.interject import hang_up, let_go, say
from leash_addon.proxy.refusals import FAULT, LEDGER_AWAY, Caller, Denial
from leash_addon.proxy.screened import denial_of, screen_message
from leash_addon.proxy.screening import NOTHING, Judgement, Screening
from leash_addon.proxy.words import close_of, socket_words
from leash_addon.wire.asked import Asked
from leash_addon.wire.calls import Opened, Settled
from leash_addon.wire.socket import socket_meter
from leash_addon.wire.turn import Backlog, read_turn

logger = logging.getLogger(__name__)

SWITCHED = 101

type Again = Callable[[HTTPFlow, Intake], Awaitable[Denial | None]]
type Tags = Callable[[HTTPFlow, Intake, Asked], Awaitable[Mapping[str, str]]]


class Sockets:
    """Governs the WebSockets of one proxy."""

    def __init__(
        self,
        governor: Governor,
        coverage: Coverage,
        screening: Screening | None,
        tags: Tags,
        again: Again,
    ) -> None:
        """``coverage``: counts. ``tags``: say who asks. ``again``: judges a key once more."""
        self._governor, self._coverage, self._again = governor, coverage, again
        self._screening, self._tags = screening, tags
        self._open: dict[str, Socket] = {}

    def take(self, flow: HTTPFlow, intake: Intake) -> bool:
        """Meter what an upgrade leads to; ``False`` where its format has no meter."""
        route = intake.route
        if route.model is None:
            route = replace(route, model=model_of(intake.url))
        meter = socket_meter(route)
        if meter is None:
            return False
        backlog = Backlog(session=route.format != "openai.responses")
        self._open[flow.id] = Socket(intake=intake, route=route, meter=meter, backlog=backlog)
        return True

    def calls(self, flow: HTTPFlow) -> tuple[Call, ...]:
        """Return the calls of a connection that are open."""
        socket = self._open.get(flow.id)
        return () if socket is None else tuple(socket.calls.values())

    async def message(self, flow: HTTPFlow, message: WebSocketMessage) -> None:
        """Judge and meter a message before it is passed on; what fails is not passed on."""
        if flow.websocket is not None and flow.websocket.timestamp_end is not None:
            message.drop()  # what came together with the end has nowhere to go
        socket = self._open.get(flow.id)
        if socket is None:
            return
        if not message.from_client and message.content in socket.own:
            socket.own.remove(message.content)
            return
        if socket.closing:
            message.drop()
            return
        try:
            await self._take(flow, socket, message)
        except LedgerError as error:
            logger.error("no ledger, no call: %s", error)  # noqa: TRY400 - the message says it all
            await self._refuse(flow, socket, message, LEDGER_AWAY)
        except Exception:
            logger.exception("a message was refused because leash failed on it")
            await self._refuse(flow, socket, message, FAULT)

    async def cut(self, flow: HTTPFlow, denial: Denial) -> bool:
        """End a connection in the middle of a turn; ``False`` when it is none of ours."""
        socket = self._open.get(flow.id)
        if socket is None:
            return False
        for call in socket.calls.values():
            call.cut = denial.reason
        await self._end(flow, socket, denial)
        self._settle_all(socket)
        return True

    def end(self, flow: HTTPFlow) -> None:
        """Settle what is open when the connection is gone."""
        socket = self._open.pop(flow.id, None)
        if socket is not None:
            self._settle_all(socket)
            let_go(flow)

    async def _take(self, flow: HTTPFlow, socket: Socket, message: WebSocketMessage) -> None:
        data = message.content
        if not message.from_client:
            if await self._feed(flow, socket, message, data, NOTHING) is not None:
                for call in socket.calls.values():
                    call.first_byte_at = call.first_byte_at or self._governor.clock()
            return
        judged = NOTHING
        if self._screening is not None:
            judged = await screen_message(self._screening, socket.intake.run, socket.route, message)
        asks = await self._feed(flow, socket, message, data, judged)
        if asks is False and judged.hostile:
            await self._refuse(flow, socket, message, await self._hostile(flow, socket, judged))
        elif asks is not None:
            self._coverage.sent += len(data)
            if not asks:
                await self._note(flow, socket, judged)
                socket.backlog.sent(data)

    async def _feed(
        self,
        flow: HTTPFlow,
        socket: Socket,
        message: WebSocketMessage,
        data: bytes,
        judged: Judgement,
    ) -> bool | None:
        """Meter a message; tell whether it asks for a turn, ``None``: it does not go on."""
        asks = False
        for event in socket.meter.feed("sent" if message.from_client else "received", data):
            if isinstance(event, Settled):
                await self._settle(flow, socket, event)
                continue
            asks = True
            denial = await self._admit(flow, socket, event, judged)
            if denial is not None:
                await self._refuse(flow, socket, message, denial)
                return None
            if message.from_client and not flow.client_conn.connected:
                self._unsend(socket, event.key)
                message.drop()
                return None
        return asks

    async def _admit(
        self, flow: HTTPFlow, socket: Socket, event: Opened, judged: Judgement
    ) -> Denial | None:
        """Open a call for a turn; return what refuses it."""
        asked = read_turn(socket.route, event.asked, socket.meter.model)
        if asked.free and not judged.hostile:
            socket.free.add(event.key)
            await self._note(flow, socket, judged)
            self._coverage.free += 1
            return None
        if (denial := await self._again(flow, socket.intake)) is not None:
            socket.meter.withdraw(event.key)
            return denial
        verdict = await self._ask(flow, socket, asked, event.asked, judged)
        if isinstance(verdict, Trip):
            socket.meter.withdraw(event.key)
            return denial_of(verdict, judged)
        verdict.status = SWITCHED if flow.response is None else flow.response.status_code
        verdict.tools = asked.tools
        verdict.read = partial(socket.meter.reading, event.key)
        socket.calls[event.key] = verdict
        self._coverage.calls += 1
        return None

    async def _hostile(self, flow: HTTPFlow, socket: Socket, judged: Judgement) -> Denial:
        """Put on record that a message was refused which asked for no turn."""
        asked = read_turn(socket.route, None, socket.meter.model)
        verdict = await self._ask(flow, socket, asked, None, judged)
        if isinstance(verdict, Trip):
            return denial_of(verdict, judged)
        self._governor.finish(verdict, Outcome.UNSENT)
        return FAULT

    async def _note(self, flow: HTTPFlow, socket: Socket, judged: Judgement) -> None:
        """Put on record what was found in a message that asks for no turn."""
        if judged.found:
            asked = read_turn(socket.route, None, socket.meter.model)
            await self._governor.note(await self._ask_of(flow, socket, asked, None, judged))
            judged.recorded()

    async def _ask(
        self,
        flow: HTTPFlow,
        socket: Socket,
        asked: Asked,
        data: bytes | None,
        judged: Judgement,
    ) -> Call | Trip:
        ask = await self._ask_of(flow, socket, asked, data, judged)
        # A call that waited here would hold back the end of the very calls that it waits for.
        verdict = await self._governor.admit(ask, socket.route, waits=not socket.calls)
        judged.recorded()
        return verdict

    async def _ask_of(
        self,
        flow: HTTPFlow,
        socket: Socket,
        asked: Asked,
        data: bytes | None,
        judged: Judgement,
    ) -> Ask:
        backlog, intake = socket.backlog, socket.intake
        asked = replace(asked, input_tokens=asked.input_tokens + backlog.behind(data))
        bounds = Bounds(input_bytes=len(data or b""), unseen=backlog.unseen(data))
        tags, route = await self._tags(flow, intake, asked), socket.route
        return ask_of(self._governor, intake, asked, judged, tags, bounds, route=route)

    async def _settle(self, flow: HTTPFlow, socket: Socket, event: Settled) -> None:
        reading = event.reading
        if event.key in socket.free:
            socket.free.discard(event.key)
            if not has_output(reading):
                return
            # It said that it would cost nothing, and was answered all the same.
            await self._admit(flow, socket, Opened(key=event.key, asked=None), NOTHING)
        call = socket.calls.pop(event.key, None)
        if call is not None:
            if event.kind == "response":
                socket.backlog.answered(reading.usage)
            self._finish(call, reading)

    def _finish(self, call: Call, reading: Reading) -> None:
        final, outcome = ended(reading)
        call.read = lambda: final
        self._governor.finish(call, outcome)

    def _settle_all(self, socket: Socket) -> None:
        for event in socket.meter.close():
            call = socket.calls.pop(event.key, None)
            if call is not None and isinstance(event, Settled):
                self._finish(call, event.reading)
        for call in socket.calls.values():
            self._governor.finish(call, Outcome.CUT)
        socket.calls.clear()

    def _unsend(self, socket: Socket, key: int) -> None:
        socket.meter.withdraw(key)
        call = socket.calls.pop(key, None)
        if call is not None:
            self._governor.finish(call, Outcome.UNSENT)

    async def _refuse(
        self, flow: HTTPFlow, socket: Socket, message: WebSocketMessage, denial: Denial
    ) -> None:
        """Drop a message and say why; the connection lives on where waiting helps."""
        message.drop()
        self._coverage.refused += 1
        words = socket_words(denial, self._caller(socket))
        if words is not None and message.from_client and socket.outlives(denial):
            socket.own.append(words)
            if await say(flow, words):
                return
            socket.own.remove(words)
        await self._end(flow, socket, denial)

    async def _end(self, flow: HTTPFlow, socket: Socket, denial: Denial) -> None:
        caller = self._caller(socket)
        open_call = next(iter(socket.calls.values()), None)
        answer = "" if open_call is None else open_call.reading().response_id or ""
        words = socket_words(denial, caller, answer)
        socket.closing = True
        socket.own += [] if words is None else [words]
        code, reason = close_of(denial, caller)
        await hang_up(flow, words, code, reason)

    def _caller(self, socket: Socket) -> Caller:
        intake = socket.intake
        return Caller(
            shape=socket.route.format or "",
            run=intake.run,
            client=intake.client,
            account=account_of(self._governor, intake.run),
        )
