"""What an exchange comes to."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from leash_addon.audit.exchange import Exchange, Message
from leash_addon.audit.measure import Auditor
from leash_addon.audit.result import Kind, Result
from leash_addon.core.money import ZERO, usd
from leash_addon.core.reading import Confidence

type Measure = Callable[..., Result]

USAGE = {"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}
CHAT = {"id": "c1", "model": "gpt-4o-2024-08-06", "choices": [], "usage": USAGE}
COST = usd("0.0035")
"""1,000 tokens at $2.50 and 100 at $10 a million."""


def test_a_call_costs_what_its_usage_comes_to(measure: Measure) -> None:
    """Tokens times the published price, to the picodollar."""
    result = measure(CHAT)
    assert result.usage is not None
    assert (result.kind, result.cost, result.confidence) == (
        Kind.METERED,
        COST,
        Confidence.MEASURED,
    )
    assert (result.model_reported, result.usage.input_tokens) == ("gpt-4o-2024-08-06", 1000)


def test_the_providers_own_cost_wins(measure: Measure) -> None:
    """Where the answer states a cost, that is what is booked, and it says so."""
    answer = CHAT | {"usage": USAGE | {"cost": 0.5}}
    result = measure(answer, url="https://openrouter.ai/api/v1/chat/completions")
    assert (result.cost, result.confidence, result.source) == (
        usd("0.5"),
        Confidence.DERIVED,
        "provider",
    )


def test_a_stream_without_usage_is_blind(measure: Measure) -> None:
    """A whole stream that names no usage has no cost, which is not a cost of nothing."""
    chunk = {"id": "c", "model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
    body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
    result = measure(body, asks={"stream": True}, content_type="text/event-stream")
    assert (result.kind, result.cost, result.why) == (
        Kind.BLIND,
        None,
        "openai.chat stream without usage",
    )


def test_a_cut_stream_is_settled_at_what_it_would_have_been_held_at(measure: Measure) -> None:
    """A stream that broke off before its usage costs its hold, as on the live path."""
    chunk = {"id": "c", "model": "gpt-4o", "choices": [{"index": 0, "delta": {"content": "Hi"}}]}
    asks = {"model": "gpt-4o", "stream": True, "max_tokens": 50, "messages": []}
    result = measure(
        f"data: {json.dumps(chunk)}\n\n".encode(), asks=asks, content_type="text/event-stream"
    )
    tokens = -(-len(json.dumps(asks)) // 4)
    assert (result.confidence, result.cost) == (
        Confidence.HELD,
        usd("0.0000025") * tokens + usd("0.00001") * 50,
    )


def test_a_call_without_an_answer_may_have_cost_its_hold(measure: Measure) -> None:
    """A connection that broke before the answer is settled at its hold, never at nothing."""
    result = measure(b"", status=None, asks={"model": "gpt-4o", "max_tokens": 50})
    assert (result.kind, result.confidence, (result.cost or 0) > usd("0.0005")) == (
        Kind.METERED,
        Confidence.HELD,
        True,
    )


def test_a_model_that_nobody_prices_is_blind(measure: Measure) -> None:
    """Usage without a price has no cost either."""
    result = measure(CHAT | {"model": "made-up-9"}, asks={"model": "made-up-9"})
    assert (result.kind, result.cost, result.billable) == (Kind.BLIND, None, True)


@pytest.mark.parametrize(
    ("method", "url", "status", "kind"),
    [
        pytest.param("GET", "https://api.openai.com/v1/models", 200, Kind.FREE, id="a list"),
        pytest.param(
            "POST",
            "https://api.anthropic.com/v1/messages/count_tokens",
            200,
            Kind.FREE,
            id="a token count",
        ),
        pytest.param(
            "POST", "https://api.openai.com/v1/chat/completions", 429, Kind.FAILED, id="a refusal"
        ),
        pytest.param("POST", "https://api.openai.com/v9/new", 200, Kind.BLIND, id="a new path"),
        pytest.param("POST", "https://example.com/form", 200, Kind.OTHER, id="another server"),
        pytest.param("GET", "not a url", 200, Kind.OTHER, id="no URL"),
        pytest.param("GET", "https://[::1:/x", 200, Kind.OTHER, id="a broken URL"),
        pytest.param("GET", "https://a:99999/x", 200, Kind.OTHER, id="a port out of range"),
    ],
)
def test_what_is_no_bill_is_told_apart(
    method: str, url: str, status: int, kind: Kind, measure: Measure
) -> None:
    """Free, failed, blind and foreign exchanges each count as what they are."""
    assert measure({"input_tokens": 7}, method=method, url=url, status=status).kind is kind


def test_a_server_that_no_pack_names_is_read_by_its_path(measure: Measure) -> None:
    """A model on localhost is metered by the shape of its URL."""
    result = measure(CHAT, url="http://localhost:8000/v1/chat/completions")
    assert result.usage is not None
    assert (result.format, result.usage.output_tokens) == ("openai.chat", 100)


def test_a_stored_answer_is_billed_once(measure: Measure) -> None:
    """Polls of a background job bill with the first that reports usage, and never again."""
    job = {"id": "resp_1", "object": "response", "model": "gpt-4o-2024-08-06"}
    usage = {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100}
    queued = job | {"status": "queued", "usage": None}
    done = job | {"status": "completed", "usage": usage}
    url = "https://api.openai.com/v1/responses"
    results = [
        measure(queued, url=url),
        measure(queued, url=f"{url}/resp_1", method="GET"),
        measure(done, url=f"{url}/resp_1", method="GET"),
        measure(done, url=f"{url}/resp_1", method="GET"),
    ]
    assert [result.cost for result in results] == [ZERO, ZERO, COST, ZERO]
    assert [result.billable for result in results] == [False, False, True, False]


def _done(number: int, tokens: int) -> dict[str, Any]:
    usage = {"input_tokens": tokens, "output_tokens": 10, "total_tokens": tokens + 10}
    return {
        "type": "response.done",
        "response": {
            "id": f"resp_{number}",
            "object": "realtime.response",
            "status": "completed",
            "usage": usage,
        },
    }


def _socket(*received: dict[str, Any]) -> Exchange:
    messages = [Message(True, json.dumps(message).encode()) for message in received]  # noqa: FBT003
    return Exchange(
        id="ws",
        place="here",
        method="GET",
        url="wss://api.openai.com/v1/realtime?model=gpt-realtime",
        request_headers={},
        status=101,
        response_headers={},
        messages=tuple(messages),
    )


def test_each_response_of_a_websocket_is_a_call(auditor: Auditor) -> None:
    """A connection's usage and cost are the sums over its calls, which are listed."""
    session = {"type": "session.created", "session": {"model": "gpt-realtime"}}
    started = [
        {"type": "response.created", "response": {"id": f"resp_{number}"}} for number in (1, 2)
    ]
    exchange = _socket(session, started[0], _done(1, 100), started[1], _done(2, 300))
    result = auditor.measure(exchange)
    assert result.usage is not None
    assert (result.usage.input_tokens, result.usage.output_tokens) == (400, 20)
    assert [call.id for call in result.calls] == ["ws#1", "ws#2"]
    assert result.cost == sum(call.cost or 0 for call in result.calls) != 0
    assert result.model_reported == "gpt-realtime"


def test_a_websocket_without_a_response_is_free(auditor: Auditor) -> None:
    """A connection on which nothing was asked bills nothing."""
    result = auditor.measure(_socket({"type": "session.created", "session": {}}))
    assert (result.kind, result.cost, result.calls) == (Kind.FREE, ZERO, ())
