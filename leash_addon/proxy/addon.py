"""The mitmproxy addon: hooks and nothing else. Translate in, ask the governor, translate out.

mitmproxy logs an exception in a hook and forwards the call all the same; every hook that admits
is wrapped so that it refuses instead. A call may end in ``response``, ``error`` or
``websocket_end``, or before them in its tee: all of them come to ``Governor.finish``.
"""

import logging
from dataclasses import replace

from mitmproxy.http import HTTPFlow, Response

from leash_addon.core.reading import Outcome
from leash_addon.core.verdict import Reason, Trip
from leash_addon.proxy.access import Access
from leash_addon.proxy.acting import Blocked
from leash_addon.proxy.answers import ask_for_usage, install_tee
from leash_addon.proxy.asking import ask_of, tags_of
from leash_addon.proxy.bounds import UNASKED, Bounds, bounds_of, lower_output
from leash_addon.proxy.clients import Clients
from leash_addon.proxy.coverage import Coverage
from leash_addon.proxy.cut import Cutter
from leash_addon.proxy.denials import NO_SOCKETS
from leash_addon.proxy.ear import listen
from leash_addon.proxy.failing import account_of, answer, fail_closed
from leash_addon.proxy.gently import parse
from leash_addon.proxy.governor import Governor
from leash_addon.proxy.identity import Identity
from leash_addon.proxy.intake import Intake, TurnedAway, is_unsent, is_upgrade, lowered
from leash_addon.proxy.keys import Empty, Keys
from leash_addon.proxy.peers import Peers
from leash_addon.proxy.refusals import Caller, Denial
from leash_addon.proxy.remarks import remark_refused, remark_settled
from leash_addon.proxy.screened import denial_of, remark, screen
from leash_addon.proxy.screening import Judgement, Screening
from leash_addon.proxy.sockets import Sockets
from leash_addon.proxy.uploads import Uploads
from leash_addon.wire.asked import Asked
from leash_addon.wire.routes import BLIND, Providers, Upgrade

logger = logging.getLogger(__name__)

UPGRADE_REQUIRED, SWITCHING = 426, 101


class LeashAddon:
    """Governs the flows of one mitmproxy. ``remarks``: comment flows, for mitmweb and mitmproxy."""

    name = "leash"

    def __init__(
        self,
        governor: Governor,
        providers: Providers,
        clients: Clients,
        *,
        remarks: bool = False,
        access: Access | None = None,
        screening: Screening | None = None,
        keys: Keys | None = None,
    ) -> None:
        """Take what decides, what is metered, who is known, who may come, what looks at texts."""
        self.governor = governor
        self.access = access or Access(identity=Identity(fixed=governor.policy.run))
        self.screening = screening
        self.coverage = Coverage()
        self._remarks = remarks
        self._connections = self.access.connections(providers, self.coverage)
        self.peers = Peers() if governor.policy.processes else None
        self.addons = [*self.access.addons(self._connections), *filter(None, [self.peers])]
        self._reception = self.access.reception(providers, clients, governor)
        self.keys = keys or Keys(
            Empty(), providers, governor.policy, master=bytes, clock=governor.clock
        )
        again = self.access.again(self.keys.again)
        self._uploads = Uploads(screening, self.coverage)
        self._sockets = Sockets(governor, self.coverage, screening, self._tags, again)
        self.cutter = Cutter(governor, self._sockets, self._caller)
        self._flows: dict[str, Intake] = {}
        self._asked: dict[str, Asked] = {}

    @fail_closed
    async def requestheaders(self, flow: HTTPFlow) -> None:
        """Learn whose request it is; what is no call streams through."""
        if flow.response or flow.error:
            return
        upgrade, came = is_upgrade(lowered(flow.request.headers)), self._connections
        visitor, tunnelled = came.visitor_of(flow.client_conn), came.is_tunnelled(flow.client_conn)
        match await self._reception.receive(flow, visitor, tunnelled=tunnelled):
            case Intake() as intake:
                self._flows[flow.id] = intake
                if not await self._key_is_good(flow, intake):
                    return
                if intake.route.free and not upgrade and not self.keys.signs(flow):
                    flow.request.stream = not self._uploads.takes(intake, flow.request)
                    self.coverage.free += flow.request.stream
            case TurnedAway(denial=denial, shape=shape):
                answer(flow, denial, Caller(shape=shape))
            case Response() as page:
                flow.response = page
            case None:
                if await self._key_is_good(flow, None):
                    flow.request.stream = True

    async def _key_is_good(self, flow: HTTPFlow, intake: Intake | None) -> bool:
        """Judge the virtual key of a request, if it has one; answer it when it is no good."""
        denial = await self.keys.judge(flow, intake)
        if denial is not None:
            if intake is not None and intake.must_have_key:
                del self._flows[flow.id]  # a stranger learns nothing of the run that it names
            self.refuse(flow, denial)
        return denial is None

    @fail_closed
    async def request(self, flow: HTTPFlow) -> None:
        """Admit a call, or answer it."""
        intake = self._flows.get(flow.id)
        if intake is None or flow.response or flow.error or flow.request.stream:
            return
        headers, body = lowered(flow.request.headers), flow.request.raw_content or b""
        parsed = await parse(self.screening, intake.route, headers, body, intake.url)
        if not intake.sure and (denial := self._reception.named(intake, parsed.top)) is not None:
            self.refuse(flow, denial)
            return
        if is_upgrade(headers):
            if self._upgraded(flow, intake):
                return
            parsed = await parse(None, intake.route, headers, body, intake.url)
        asked = parsed.asked
        intake.streamed = asked.stream
        if asked.free or intake.route.free:
            self.coverage.free += 1
            await self._judge_upload(flow, intake, asked)
            return
        judged = await screen(self.screening, intake.run, intake.route, parsed, flow.request)
        self.coverage.unread += judged.skipped
        intake.remark = remark(judged)
        holds = self.governor.policy.holds
        bounds = bounds_of(holds, intake.route, parsed, judged.body, body, url=intake.url)
        await self._admit(flow, intake, asked, bounds, judged)

    async def _admit(
        self, flow: HTTPFlow, intake: Intake, asked: Asked, bounds: Bounds, judged: Judgement
    ) -> None:
        tags, governor = await self._tags(flow, intake, asked), self.governor
        ask = ask_of(governor, intake, asked, judged, tags, bounds)
        verdict = await governor.admit(ask, intake.route)
        judged.recorded()
        if isinstance(verdict, Trip):
            self.refuse(flow, denial_of(verdict, judged))
            return
        intake.call = verdict
        verdict.tools = asked.tools
        verdict.first_hand = flow.request.method != "GET"
        self._asked[flow.id] = asked
        self.coverage.calls += 1
        self.coverage.blind += intake.route.format is None
        self.coverage.sent += len(flow.request.raw_content or b"")
        if verdict.max_output is not None:
            lower_output(flow.request, verdict.max_output, intake.route)
        self.cutter.begin(flow, intake)
        if self._may_cut and asked.stream:
            flow.request.headers["accept-encoding"] = "identity"  # to have room for a last word
        if asked.can_inject and governor.policy.inject:
            ask_for_usage(flow.request)
            intake.injected = True

    async def _judge_upload(self, flow: HTTPFlow, intake: Intake, asked: Asked) -> None:
        """Refuse what is hostile of what is left for a later call; put on record what is found."""
        judged = await self._uploads.judge(intake, flow.request)
        if judged.hostile:
            await self._admit(flow, intake, asked, UNASKED, judged)
        elif judged.found:
            tags = await self._tags(flow, intake, asked)
            await self.governor.note(ask_of(self.governor, intake, asked, judged, tags))
            judged.recorded()

    async def _tags(self, flow: HTTPFlow, intake: Intake, asked: Asked) -> dict[str, str]:
        """Return who asks, with which of its processes, and what the call is to it."""
        process = await self.peers.of(flow.client_conn) if self.peers else ""
        return tags_of(intake, process, declares_tools=asked.tools)

    def _upgraded(self, flow: HTTPFlow, intake: Intake) -> bool:
        """Meter a WebSocket, or turn it down; ``False``: it is judged as the blind call it is."""
        if intake.route.free and intake.rule.elsewhere != BLIND:
            return False
        match intake.rule.websocket or self.governor.policy.websocket:
            case Upgrade.DOWNGRADE:
                # codex falls back to POST at once on this status, and reads no body.
                flow.response = Response.make(UPGRADE_REQUIRED)
                self._flows.pop(flow.id, None)
                return True
            case Upgrade.REFUSE:
                self.refuse(flow, NO_SOCKETS)
                return True
            case _ if self._sockets.take(flow, intake):
                self.cutter.begin(flow, intake)
                return True
        intake.route = replace(intake.route, format=None, free=False)
        return False

    def responseheaders(self, flow: HTTPFlow) -> None:
        """Meter the answer of an admitted call; everything else streams through, too."""
        answer, intake = flow.response, self._flows.get(flow.id)
        if answer is None or answer.status_code == SWITCHING or answer.content is not None:
            return
        answer.stream = True
        if intake is None or intake.call is None:
            return
        try:
            asked = self._asked[flow.id]
            install_tee(flow, intake, intake.call, asked, self.governor, may_cut=self._may_cut)
            listen(
                self.screening,
                intake.call,
                lambda hit: self._cut_hostile(flow, hit),
                streams=asked.stream,
            )
        except Exception as fault:
            logger.exception("the answer of call %s is not metered", intake.call.ask.call)
            intake.call.go_blind(f"the meter failed: {type(fault).__name__}")

    @property
    def _may_cut(self) -> bool:
        """Tell whether answers may be cut, so that they need room for a last word."""
        return self.governor.policy.cut or (self.screening is not None and self.screening.cuts)

    def _cut_hostile(self, flow: HTTPFlow, hit: Blocked) -> None:
        denial = Denial(reason=Reason.SCREENING.value, message=hit.message, more=hit.fields())
        self.cutter.cut(flow, denial)

    def response(self, flow: HTTPFlow) -> None:
        """Settle a call whose answer has passed."""
        if flow.websocket is None:
            self._end(flow, Outcome.COMPLETE)

    def error(self, flow: HTTPFlow) -> None:
        """Settle a call that broke off: the client left, or the provider did."""
        self._end(flow, Outcome.UNSENT if is_unsent(flow) else Outcome.CUT)

    async def websocket_message(self, flow: HTTPFlow) -> None:
        """Judge a message; keep none: mitmproxy would collect them while the socket lives."""
        if flow.websocket is None:
            return
        message = flow.websocket.messages[-1]
        if flow.id in self._flows or not self._remarks:
            del flow.websocket.messages[:-1]
        await self._sockets.message(flow, message)

    def websocket_end(self, flow: HTTPFlow) -> None:
        """Settle what a WebSocket has left open."""
        self._end(flow, Outcome.COMPLETE)

    def done(self) -> None:
        """Settle whatever is open when the proxy stops."""
        self.cutter.close()
        self.governor.close()
        if self.screening is not None:
            self.screening.close()

    # ---- answers

    def refuse(self, flow: HTTPFlow, denial: Denial) -> None:
        """Answer a flow ourselves; a call that had been opened cost nothing."""
        intake = self._flows.get(flow.id)
        if intake is None:
            answer(flow, denial, Caller(shape=""))
            return
        if intake.call is not None:
            self.governor.finish(intake.call, Outcome.UNSENT)
        self.coverage.refused += 1
        if self._remarks:
            remark_refused(flow, intake, denial.reason)
        answer(flow, denial, self._caller(intake))

    def _caller(self, intake: Intake) -> Caller:
        return Caller(
            shape=intake.route.format or intake.rule.dialect or intake.rule.name,
            run=intake.run,
            client=intake.client,
            forced=self.governor.policy.refusal,
            account=account_of(self.governor, intake.run),
            streamed=intake.streamed,
        )

    def _end(self, flow: HTTPFlow, outcome: Outcome) -> None:
        self.keys.forget(flow)
        intake, _ = self._flows.pop(flow.id, None), self._asked.pop(flow.id, None)
        self._sockets.end(flow)
        self.cutter.end(flow)
        if intake is None or intake.call is None:
            return
        if intake.call.status is None and flow.response is not None:
            intake.call.status = flow.response.status_code
        self.coverage.received += intake.call.received
        settled = self.governor.finish(intake.call, outcome)
        if self._remarks:
            remark_settled(flow, intake, settled)
