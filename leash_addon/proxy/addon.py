"""The mitmproxy addon: hooks and nothing else. Translate in, ask the governor, translate out.

mitmproxy logs an exception in a hook and forwards the call all the same; every hook that admits
is wrapped so that it refuses instead. A call may end in ``response``, ``error`` or
``websocket_end``, or before them in its tee: all of them come to ``Governor.finish``.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import wraps

from mitmproxy.http import HTTPFlow, Response

from leash_addon.core.reading import Outcome
from leash_addon.core.verdict import Reason, Trip
from leash_addon.errors import LedgerError
from leash_addon.proxy.account import Account
from leash_addon.proxy.answers import ask_for_usage, install_tee
from leash_addon.proxy.bounds import Bounds, bounds_of, lower_output
from leash_addon.proxy.clients import Clients
from leash_addon.proxy.connections import Connections
from leash_addon.proxy.coverage import Coverage
from leash_addon.proxy.governor import Governor
from leash_addon.proxy.identify import proxy_user
from leash_addon.proxy.intake import (
    Intake,
    Reception,
    ip_of,
    is_unsent,
    is_upgrade,
    lowered,
    strip_own_headers,
)
from leash_addon.proxy.refusals import FAULT, LEDGER_AWAY, Caller, Denial, refusal
from leash_addon.proxy.remarks import remark_refused, remark_settled
from leash_addon.proxy.sockets import Sockets
from leash_addon.wire.asked import Asked, read_request
from leash_addon.wire.routes import BLIND, Providers, Upgrade

logger = logging.getLogger(__name__)

UPGRADE_REQUIRED = 426
SWITCHING = 101
NO_SOCKETS = Denial(
    reason=Reason.BLIND_ENDPOINT.value,
    message="WebSockets to this provider are not let through here (websocket = refuse)",
    status=403,
)

type Hook = Callable[["LeashAddon", HTTPFlow], Awaitable[None]]


def fail_closed(hook: Hook) -> Hook:
    """Refuse the call when its hook raises: nothing is forwarded that nobody judged."""

    @wraps(hook)
    async def guarded(self: "LeashAddon", flow: HTTPFlow) -> None:
        try:
            await hook(self, flow)
        except LedgerError as error:
            logger.error("no ledger, no call: %s", error)  # noqa: TRY400 - the message says it all
            self.refuse(flow, LEDGER_AWAY)
        except Exception:
            logger.exception("a call was refused because leash failed on it")
            self.refuse(flow, FAULT)

    return guarded


class LeashAddon:
    """Governs the flows of one mitmproxy. ``remarks``: comment flows, for mitmweb and mitmproxy."""

    name = "leash"

    def __init__(
        self, governor: Governor, providers: Providers, clients: Clients, *, remarks: bool = False
    ) -> None:
        """Take what decides, what is metered, and who is known."""
        self.governor = governor
        self.coverage = Coverage()
        self._remarks = remarks
        self._connections = Connections(providers, self.coverage)
        self.addons = [self._connections]
        self._reception = Reception(
            providers=providers, clients=clients, policy=governor.policy, hashed=governor.hashed
        )
        self._sockets = Sockets(governor, self.coverage)
        self._flows: dict[str, Intake] = {}
        self._asked: dict[str, Asked] = {}

    @fail_closed
    async def requestheaders(self, flow: HTTPFlow) -> None:
        """Learn whose request it is; what is no call streams through."""
        if flow.response or flow.error:
            return
        client = flow.client_conn
        tunnelled = self._connections.connect_of(client) is not None
        found = self._reception.provider_of(flow, tunnelled=tunnelled)
        if found is None:
            strip_own_headers(flow.request.headers)
            flow.request.stream = True
            return
        headers = lowered(flow.request.headers)
        user = proxy_user(headers.get("proxy-authorization")) or self._connections.user_of(client)
        try:
            intake = self._reception.take_in(flow.request, headers, *found, user, ip=ip_of(flow))
        except ValueError as error:
            denial = Denial(reason=Reason.AUTH.value, message=str(error), status=400)
            self._answer(flow, denial, Caller(shape=found[1].dialect))
            return
        strip_own_headers(flow.request.headers)
        self._flows[flow.id] = intake
        if intake.route.free and not is_upgrade(headers):
            self.coverage.free += 1
            flow.request.stream = True

    @fail_closed
    async def request(self, flow: HTTPFlow) -> None:
        """Admit a call, or answer it."""
        intake = self._flows.get(flow.id)
        if intake is None or flow.response or flow.error or flow.request.stream:
            return
        headers = lowered(flow.request.headers)
        if is_upgrade(headers) and self._upgraded(flow, intake):
            return
        body = flow.request.raw_content or b""
        asked = read_request(intake.route, headers, body, url=intake.url)
        if asked.free or intake.route.free:
            self.coverage.free += 1
            return
        holds = self.governor.policy.holds
        bounds = bounds_of(holds, intake.route, asked, headers, body, url=intake.url)
        await self._admit(flow, intake, asked, bounds)

    async def _admit(self, flow: HTTPFlow, intake: Intake, asked: Asked, bounds: Bounds) -> None:
        governor = self.governor
        ask = governor.ask(
            intake.run,
            intake.route,
            asked,
            client=intake.client.name,
            imputed=intake.imputed,
            tags=intake.tags,
            bounds=bounds,
        )
        verdict = await governor.admit(ask, intake.route)
        if isinstance(verdict, Trip):
            self.refuse(flow, Denial.of(verdict))
            return
        intake.call = verdict
        verdict.first_hand = flow.request.method != "GET"
        self._asked[flow.id] = asked
        self.coverage.calls += 1
        if verdict.max_output is not None:
            lower_output(flow.request, verdict.max_output, intake.route)
        if asked.can_inject and governor.policy.inject:
            ask_for_usage(flow.request)
            intake.injected = True

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
            install_tee(flow, intake, intake.call, self._asked[flow.id], self.governor)
        except Exception as fault:
            logger.exception("the answer of call %s is not metered", intake.call.ask.call)
            intake.call.go_blind(f"the meter failed: {type(fault).__name__}")

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
        self.governor.close()

    # ---- answers

    def refuse(self, flow: HTTPFlow, denial: Denial) -> None:
        """Answer a flow ourselves; a call that had been opened cost nothing."""
        intake = self._flows.get(flow.id)
        if intake is None:
            self._answer(flow, denial, Caller(shape=""))
            return
        if intake.call is not None:
            self.governor.finish(intake.call, Outcome.UNSENT)
        self.coverage.refused += 1
        if self._remarks:
            remark_refused(flow, intake.run, denial.reason)
        caller = Caller(
            shape=intake.route.format or intake.rule.dialect or intake.rule.name,
            run=intake.run,
            client=intake.client,
            forced=self.governor.policy.refusal,
            account=self._account(intake.run),
        )
        self._answer(flow, denial, caller)

    def _answer(self, flow: HTTPFlow, denial: Denial, caller: Caller) -> None:
        try:
            made = refusal(denial, caller)
            flow.request.stream = False
            flow.response = Response.make(made.status, made.body, made.headers)
        except Exception:
            logger.exception("a refusal could not be written; the connection is closed instead")
            flow.kill()

    def _account(self, run: str) -> Account | None:
        try:
            return self.governor.account(run)
        except Exception:  # noqa: BLE001 - a refusal goes out without the account if need be
            logger.warning("the account of run %s cannot be read", run)
            return None

    def _end(self, flow: HTTPFlow, outcome: Outcome) -> None:
        intake, _ = self._flows.pop(flow.id, None), self._asked.pop(flow.id, None)
        self._sockets.end(flow)
        if intake is None or intake.call is None:
            return
        if intake.call.status is None and flow.response is not None:
            intake.call.status = flow.response.status_code
        settled = self.governor.finish(intake.call, outcome)
        if self._remarks:
            remark_settled(flow, intake.run, settled)
