"""One call's screening, from its request to what is admitted or refused."""

from dataclasses import replace

from mitmproxy.http import Request
from mitmproxy.websocket import WebSocketMessage

from leash_addon.core.ask import Ask
from leash_addon.core.verdict import Reason, Trip
from leash_addon.proxy.gently import parse
from leash_addon.proxy.refusals import Denial
from leash_addon.proxy.screening import NOTHING, Judgement, Screening
from leash_addon.wire.asked import Parsed
from leash_addon.wire.routes import Route
from leash_addon.wire.spoken import holds_words


async def screen(
    screening: Screening | None, run: str, route: Route, parsed: Parsed, request: Request
) -> Judgement:
    """Screen a call, and write what must change into its request."""
    if screening is None:
        return NOTHING
    judged = await screening.judge(run, route.format, parsed)
    if judged.body is not None:
        write(request, judged.body)
    return judged


async def screen_message(
    screening: Screening, run: str, route: Route, message: WebSocketMessage
) -> Judgement:
    """Screen what a client says on a WebSocket, and write what must change into it."""
    if not holds_words(route.format, message.content):
        return NOTHING
    parsed = await parse(None, route, {}, message.content, "")
    judged = await screening.judge(run, route.format, parsed)
    if judged.body is not None:
        message.content = judged.body
    return judged


def write(request: Request, body: bytes) -> None:
    """Replace a request's body; it goes out without a content coding."""
    request.headers.pop("content-encoding", None)
    request.raw_content = body
    if "transfer-encoding" not in request.headers:
        request.headers["content-length"] = str(len(body))


def with_findings(ask: Ask, judged: Judgement) -> Ask:
    """Return what is asked for with what was found in it."""
    if judged is NOTHING:
        return ask
    return replace(ask, found=judged.found, hostile=judged.hostile)


def denial_of(trip: Trip, judged: Judgement) -> Denial:
    """Return the refusal; one of screening says which rule, and where it fired."""
    denial = Denial.of(trip)
    if trip.reason is not Reason.SCREENING or judged.blocked is None:
        return denial
    return replace(denial, more=judged.blocked.fields())


def remark(judged: Judgement) -> str:
    """Return a line for people: which rules fired, and what was done."""
    named = dict.fromkeys(
        f"{found.rule} in {found.part} ({found.action})"
        for each in judged.judged
        for found in each.found
    )
    return ", ".join(named)
