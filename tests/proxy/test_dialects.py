"""Refusals in clients' own dialects, and what the real SDKs do with a stop: one request."""

import json
from importlib import import_module

import pytest

from leash_addon.core.limits import Limits
from leash_addon.core.verdict import Effect, Reason, Trip
from leash_addon.errors import UsageError
from leash_addon.proxy.clients import Client, load_clients, read_clients
from leash_addon.proxy.dialects import Occasion
from leash_addon.proxy.refusals import FAULT, LEDGER_AWAY, Caller, Denial, Refusal, refusal
from tests.proxy.world import MakeWorld

CODEX = {"user-agent": "codex_cli_rs/0.169.0 (Debian 12)"}
STOP = Denial.of(Trip(reason=Reason.CALL_BUDGET, effect=Effect.STOP, message='no "more" calls'))
HOSTILE = Denial.of(Trip(reason=Reason.SCREENING, effect=Effect.REFUSE, message="hostile"))
PASSING = Denial.of(
    Trip(reason=Reason.HELD, effect=Effect.PASSING, message="wait", retry_after=1.2)
)


def to_codex(denial: Denial, *, streamed: bool = True, forced: int | None = None) -> Refusal:
    """Refuse codex over HTTP."""
    client = load_clients().find(CODEX)
    caller = Caller(
        shape="openai.responses", run="r1", client=client, forced=forced, streamed=streamed
    )
    return refusal(denial, caller)


@pytest.mark.parametrize(
    ("denial", "streamed", "forced", "status"),
    [
        pytest.param(STOP, True, None, 200, id="final"),
        pytest.param(HOSTILE, True, None, 200, id="screening"),
        pytest.param(FAULT, True, None, 200, id="a fault of leash"),
        pytest.param(LEDGER_AWAY, True, None, 503, id="no ledger"),
        pytest.param(PASSING, True, None, 429, id="passing"),
        pytest.param(STOP, False, None, 400, id="not streamed"),
        pytest.param(STOP, True, 402, 402, id="forced"),
    ],
)
def test_codex_gets_a_failed_response(
    denial: Denial, streamed: bool, forced: int | None, status: int
) -> None:
    """A streamed call is answered by a response that failed; else codex is refused as all are."""
    assert to_codex(denial, streamed=streamed, forced=forced).status == status


def test_codex_prints_our_message() -> None:
    """The event carries the code that ends the turn and the message as JSON, whatever is in it."""
    made = to_codex(STOP)
    name, data = made.body.decode().strip().split("\n")
    error = json.loads(data.removeprefix("data: "))["response"]["error"]
    assert (name, made.headers["content-type"]) == (
        "event: response.failed",
        "text/event-stream",
    )
    assert error == {
        "code": "invalid_prompt",
        "message": 'leash: no "more" calls (call_budget, run r1). To go on: leash raise r1 '
        "--max-calls +N",
    } | {"message": error["message"]}
    assert error["message"].startswith('leash: no "more" calls (call_budget, run r1).')


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        pytest.param({}, "status: a number from 200 to 599", id="no status"),
        pytest.param({"status": True}, "status: must be int", id="status"),
        pytest.param({"status": 200, "stream": True}, "stream: unknown key", id="key"),
        pytest.param({"status": 200, "to": ["all"]}, "to: all is none of final", id="to"),
        pytest.param({"status": 200, "body": "$who"}, r"\$who is none of", id="place"),
        pytest.param({"status": 200, "headers": {"a": "b\nc"}}, "headers: must be", id="header"),
    ],
)
def test_a_wrong_answer_is_named(row: dict[str, object], complaint: str) -> None:
    """What is wrong in an answer of a pack is an error with its place."""
    client = {"name": "x", "user_agent": ["x"], "answer": [row]}
    with pytest.raises(UsageError, match=f"p.toml: client 1: answer 1: .*{complaint}"):
        read_clients([client], "p.toml")


def test_an_answer_without_a_body_keeps_the_providers() -> None:
    """Status and headers of an answer go with the provider's own error body."""
    row = {"status": 418, "to": ["passing"], "headers": {"X-Mood": "calm"}}
    (client,) = read_clients([{"name": "x", "header": ["x"], "answer": [row]}], "p").known
    assert isinstance(client, Client)
    assert client.answer(Occasion.FINAL, "openai.chat", streamed=False) is None
    made = refusal(PASSING, Caller(shape="anthropic.messages", client=client))
    assert (made.status, made.headers["x-mood"], made.headers["retry-after"]) == (418, "calm", "2")
    assert json.loads(made.body)["type"] == "error"


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "name",
    [
        "openai chat",
        "openai chat stream",
        "openai responses stream",
        "anthropic",
        "anthropic stream",
        "google-genai",
    ],
)
async def test_a_stop_costs_an_sdk_one_request(world: MakeWorld, name: str) -> None:
    """After a stop an SDK makes one request, raises its own error with our message, and ends."""
    sdks = import_module("tests.proxy.sdk_calls")
    call, raises = sdks.CALLS[name]
    async with world(limits=Limits(max_calls=1)) as it, it.client() as client:
        await it.chat(client)
        async with sdks.http(it) as own:
            with pytest.raises(raises, match="leash: the only call of the run is used"):
                await call(it, own)
        assert (it.addon.coverage.refused, len(it.provider.requests)) == (1, 1)
