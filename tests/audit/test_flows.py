"""Reading mitmproxy dumps."""

from io import BytesIO

import pytest
from mitmproxy.flow import Error
from mitmproxy.http import HTTPFlow, Response
from mitmproxy.io import FlowWriter, tnetstring
from mitmproxy.test import tflow, tutils
from mitmproxy.websocket import WebSocketMessage
from wsproto.frame_protocol import Opcode

from leash_addon.audit.exchange import Bad, Exchange, Message
from leash_addon.audit.flows import read_flows


def _flow(body: bytes | None = b"{}") -> HTTPFlow:
    request = tutils.treq(
        scheme=b"https",
        host="api.openai.com",
        port=443,
        method=b"POST",
        path=b"/v1/chat/completions",
        headers=((b"Content-Type", b"application/json"), (b"Host", b"api.openai.com")),
        content=b'{"model":"gpt-4o"}',
    )
    flow = tflow.tflow(req=request)
    flow.response = Response.make(200, b"", {"Content-Type": "application/json"})
    flow.response.raw_content = body
    return flow


def _dump(*flows: object) -> bytes:
    file = BytesIO()
    writer = FlowWriter(file)
    for flow in flows:
        writer.add(flow)
    return file.getvalue()


def _read(dump: bytes, limit: int = 1024 * 1024) -> list[Exchange | Bad]:
    return list(read_flows(BytesIO(dump), "f.mitm", limit))


def test_every_part_of_a_flow_arrives() -> None:
    """Method, URL, status, headers and both bodies come as mitmproxy saw them."""
    flow = _flow(b'{"a": 1}')
    (read,) = _read(_dump(flow))
    assert isinstance(read, Exchange)
    assert (read.id, read.place, read.method, read.url, read.status) == (
        flow.id,
        "f.mitm:flow 1",
        "POST",
        "https://api.openai.com/v1/chat/completions",
        200,
    )
    assert (read.request_body, read.response_body) == (b'{"model":"gpt-4o"}', b'{"a": 1}')
    assert read.response_headers["content-type"] == "application/json"


def test_websocket_messages_come_with_their_directions() -> None:
    """The messages of a WebSocket flow arrive in order."""
    flow = tflow.twebsocketflow()
    assert flow.websocket is not None
    flow.websocket.messages = [
        WebSocketMessage(Opcode.TEXT, True, b"ask"),  # noqa: FBT003 - mitmproxy's signature
        WebSocketMessage(Opcode.TEXT, False, b"answer"),  # noqa: FBT003
    ]
    (read,) = _read(_dump(flow))
    assert isinstance(read, Exchange)
    assert read.messages == (Message(False, b"ask"), Message(True, b"answer"))  # noqa: FBT003


def test_a_broken_connection_is_cut() -> None:
    """A flow that ended in an error is marked, and one without an answer has no status."""
    flow = _flow()
    flow.response = None
    flow.error = Error("connection closed")
    (read,) = _read(_dump(flow))
    assert isinstance(read, Exchange)
    assert (read.status, read.cut) == (None, True)


def test_a_streamed_body_that_was_not_kept_is_noted() -> None:
    """Streamed bodies are dropped by mitmproxy unless told otherwise, and the note says how."""
    (read,) = _read(_dump(_flow(None)))
    assert isinstance(read, Exchange)
    assert read.notes == ("the body is not in the dump; set store_streamed_bodies",)


def test_flows_that_are_not_http_are_passed_over() -> None:
    """A TCP flow in a dump is neither an exchange nor a mistake."""
    assert _read(_dump(tflow.ttcpflow())) == []


def test_what_came_before_the_end_of_a_cut_dump_counts() -> None:
    """A cut dump yields its whole flows and one complaint about the rest."""
    whole = _dump(_flow(), _flow())
    first, bad = _read(whole[:-10])
    assert isinstance(first, Exchange)
    assert str(bad) == ("f.mitm:flow 2: the dump ends in the middle of it; what came before counts")


def test_a_dump_of_a_later_mitmproxy_is_named() -> None:
    """A version that mitmproxy cannot read is its own words, and the next flow is read."""
    state = _flow().get_state()
    state["version"] = 9999
    bad, good = _read(tnetstring.dumps(state) + _dump(_flow()))
    assert isinstance(bad, Bad)
    assert (bad.place, "flow format version 9999" in bad.what) == ("f.mitm:flow 1", True)
    assert isinstance(good, Exchange)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"PK\x03\x04 a zip", id="another file"),
        pytest.param(b"9" * 40 + b":", id="an absurd length"),
        pytest.param(b"12", id="cut in the length"),
    ],
)
def test_what_is_no_dump_is_said_to_be_none(content: bytes) -> None:
    """Bytes that begin no flow are one complaint, and reading stops there."""
    assert [str(bad) for bad in _read(content)] == [
        "f.mitm:flow 1: no flow of mitmproxy begins here; the rest is not read"
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"3:abc,", id="a string"),
        pytest.param(b"0:}", id="an empty state"),
        pytest.param(b"5:abcde}", id="a broken dictionary"),
        pytest.param(b"17:7:version;2:21#}" + b"", id="a state without a type"),
        pytest.param(tnetstring.dumps({"version": 21, "type": "http"}), id="an empty flow"),
    ],
)
def test_an_odd_flow_is_named(content: bytes) -> None:
    """A netstring that is no flow never raises."""
    (bad,) = _read(content)
    assert isinstance(bad, Bad)
    assert bad.place == "f.mitm:flow 1"


def test_a_flow_over_the_bound_is_skipped() -> None:
    """An overlong flow is named and not loaded; the flow after it is read."""
    bad, good = _read(_dump(_flow(b"x" * 2_000_000), _flow()))
    assert str(bad) == "f.mitm:flow 1: longer than 1 MiB; skipped"
    assert isinstance(good, Exchange)
