"""Damaged files of every kind."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import cache
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mitmproxy.http import Response
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

from leash_addon.audit.booking import Booking
from leash_addon.audit.cuts import pieces
from leash_addon.audit.exchange import Bad, Exchange
from leash_addon.audit.flows import read_flows
from leash_addon.audit.har import read_har
from leash_addon.audit.jsonl import read_jsonl
from leash_addon.audit.measure import Auditor
from leash_addon.audit.report import Tally, as_json, table
from leash_addon.audit.result import Result
from leash_addon.config.packs import load_providers
from leash_addon.config.prices import Prices
from leash_addon.core.money import SECOND, Instant

URL = "https://api.openai.com/v1/chat/completions"
ANSWER = json.dumps(
    {
        "id": "c",
        "model": "gpt-4o",
        "choices": [{"index": 0, "message": {"content": "Hällo"}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2},
    }
)
SOCKET = '{"direction": "received", "data": {"type": "response.done", "response": {"id": "r"}}}'


def _jsonl() -> bytes:
    calls = [
        {"id": "a", "method": "POST", "url": URL, "status": 200, "response_body": ANSWER},
        {
            "id": "b",
            "method": "GET",
            "url": "wss://api.openai.com/v1/realtime",
            "status": 101,
            "framing": "ws-transcript",
            "response_body_b64": b64encode(SOCKET.encode()).decode(),
        },
    ]
    return "\n".join(map(json.dumps, calls)).encode()


def _har() -> bytes:
    entry = {
        "request": {"method": "POST", "url": URL, "headers": [{"name": "a", "value": "b"}]},
        "response": {"status": 200, "headers": [["c", "d"]], "content": {"text": ANSWER}},
    }
    return json.dumps({"log": {"entries": [entry, entry]}}).encode()


def _dump() -> bytes:
    file = BytesIO()
    for _ in range(2):
        flow = tflow.tflow()
        flow.request.url = URL
        flow.response = Response.make(200, ANSWER)
        FlowWriter(file).add(flow)
    FlowWriter(file).add(tflow.twebsocketflow())
    return file.getvalue()


@cache
def _auditor() -> Auditor:
    return Auditor(
        providers=load_providers(),
        booking=Booking(prices=Prices(), at=Instant(1_790_000_000 * SECOND)),
        pieces=pieces("random"),
    )


def _results(reads: Iterator[Exchange | Bad]) -> Iterator[Result]:
    for read in reads:
        if isinstance(read, Exchange):
            yield _auditor().measure(read)


KINDS = [
    pytest.param(read_jsonl, _jsonl(), id="JSON lines"),
    pytest.param(read_har, _har(), id="HAR"),
    pytest.param(read_flows, _dump(), id="mitmproxy dump"),
]


@pytest.mark.parametrize(("read", "good"), KINDS)
@settings(max_examples=150, deadline=None)
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=4)), max_size=4),
    cut=st.floats(0, 1),
)
def test_no_damage_raises(
    read: Callable[[BytesIO, str], Iterator[Exchange | Bad]],
    good: bytes,
    changes: list[tuple[float, bytes]],
    cut: float,
) -> None:
    """Whatever bytes change or are missing, every record is read or named, and reported."""
    damaged = bytearray(good)
    for where, new in changes:
        at = int(where * len(damaged))
        damaged[at : at + len(new)] = new
    damaged = damaged[: int(len(damaged) * (0.5 + cut))]
    results = list(_results(read(BytesIO(bytes(damaged)), "f")))
    tally = Tally()
    for result in results:
        tally.add(result)
        assert json.loads(as_json(result))["id"] == result.id
    assert len(list(table(results))) <= 1 + 4
    assert tally.line().startswith(f"{sum(1 for r in results if r.kind != "not a provider's")} ")
