"""How an answer from upstream is metered while it passes."""

from collections.abc import Mapping

from mitmproxy import http

from leash_addon.core.reading import Outcome
from leash_addon.proxy.governor import Call, Governor
from leash_addon.proxy.intake import Intake, lowered
from leash_addon.proxy.plan import plan_limits
from leash_addon.proxy.tee import Tee
from leash_addon.wire.asked import Asked
from leash_addon.wire.coding import decoder
from leash_addon.wire.ends import ends_of
from leash_addon.wire.meter import Meter
from leash_addon.wire.swallow import DecodedSwallow, UsageSwallow
from leash_addon.wire.usage_option import with_usage_option

OK = 200
PLAIN = frozenset({"", "identity"})


def ask_for_usage(request: http.Request) -> None:
    """Have a chat stream report its usage; its answer must not be encoded, to take it out again."""
    request.content = with_usage_option(request.raw_content or b"")
    request.headers["accept-encoding"] = "identity"


def install_tee(
    flow: http.HTTPFlow,
    intake: Intake,
    call: Call,
    asked: Asked,
    to: Governor,
    *,
    may_cut: bool,
) -> None:
    """Let the answer stream through a tee that meters it and settles the call.

    ``may_cut``: it may be ended in its middle.
    """
    answer = flow.response
    if answer is None:
        return
    call.status = answer.status_code
    headers = lowered(answer.headers)
    if call.ask.imputed:
        call.plan = plan_limits(headers)
    call.meter = Meter(intake.route, asked, answer.status_code, headers, intake.url)
    swallow = None
    if intake.injected and _carries_our_event(answer, headers) and _unsized(flow):
        swallow = _swallow(answer, headers.get("content-encoding", ""))

    def first() -> None:
        call.first_byte_at = to.clock()

    def whole() -> None:
        to.finish(call, Outcome.COMPLETE)

    if may_cut:
        _have_an_end(flow)
    ends = ends_of(headers.get("content-type", ""))
    intake.tee = Tee(call, on_byte=first, on_whole=whole, swallow=swallow, ends=ends)
    answer.stream = intake.tee


def _have_an_end(flow: http.HTTPFlow) -> None:
    """Frame an answer that would end where its connection does, or a cut would be a clean end."""
    answer = flow.response
    if answer is None or not flow.request.is_http11 or not answer.is_http11:
        return
    if "content-length" not in answer.headers and "transfer-encoding" not in answer.headers:
        answer.headers["transfer-encoding"] = "chunked"


def _carries_our_event(answer: http.Response, headers: Mapping[str, str]) -> bool:
    return (
        answer.status_code == OK
        and headers.get("content-type", "").lower().startswith("text/event-stream")
        and decoder(headers.get("content-encoding", "")).broken is None
    )


def _swallow(answer: http.Response, coding: str) -> UsageSwallow | DecodedSwallow:
    """Take the event out; an answer that came encoded all the same reaches the client decoded."""
    if coding.strip().lower() in PLAIN:
        return UsageSwallow()
    del answer.headers["content-encoding"]
    return DecodedSwallow(coding)


def _unsized(flow: http.HTTPFlow) -> bool:
    """Give the answer a framing that may shrink; ``False`` where the client knows no such."""
    answer, request = flow.response, flow.request
    if answer is None or "content-length" not in answer.headers:
        return True
    if not request.is_http11 and not request.is_http2:
        return False
    del answer.headers["content-length"]
    if request.is_http11:
        answer.headers["transfer-encoding"] = "chunked"
    return True
