"""Reading JSON lines."""

import base64
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from leash_addon.audit.exchange import Bad, Exchange, Message
from leash_addon.audit.jsonl import read_jsonl


def _lines(*lines: str | bytes) -> BytesIO:
    return BytesIO(b"\n".join(x if isinstance(x, bytes) else x.encode() for x in lines))


def test_every_field_of_a_record_arrives(chat: Callable[..., dict[str, Any]]) -> None:
    """Method, URL, status and bodies come as written, header names in lower case."""
    record = chat("a")
    expected = Exchange(
        id="a",
        place="f:1",
        method="POST",
        url="https://api.openai.com/v1/chat/completions",
        request_headers={"content-type": "application/json"},
        request_body=record["request_body"].encode(),
        status=200,
        response_headers={"content-type": "application/json"},
        response_body=record["response_body"].encode(),
    )
    assert list(read_jsonl(_lines(json.dumps(record)), "f")) == [expected]


def test_a_body_in_base64_is_unpacked(chat: Callable[..., dict[str, Any]]) -> None:
    """Bytes that are no text come back as they were on the wire."""
    raw = bytes(range(256))
    packed = base64.b64encode(raw).decode()
    line = json.dumps(chat(response_body=None, response_body_b64=packed))
    (read,) = read_jsonl(_lines(line), "f")
    assert isinstance(read, Exchange)
    assert read.response_body == raw


def test_a_websocket_transcript_becomes_messages(chat: Callable[..., dict[str, Any]]) -> None:
    """Each line of a transcript is a message with its direction; text loses its quotes."""
    sent = '{"kind": "message", "direction": "sent", "data": {"type": "response.create"}}'
    received = '{"kind": "message", "direction": "received", "data": "{\\"type\\":\\"pong\\"}"}'
    record = chat(framing="ws-transcript", response_body=f"{sent}\n{received}", status=101)
    (read,) = read_jsonl(_lines(json.dumps(record)), "f")
    assert isinstance(read, Exchange)
    assert read.messages == (
        Message(from_server=False, text=b'{"type": "response.create"}'),
        Message(from_server=True, text=b'{"type":"pong"}'),
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        pytest.param('{"method": "GET"', "not JSON", id="cut off"),
        pytest.param("<html>", "not JSON", id="no JSON at all"),
        pytest.param(b"\xff\xfe{}", "not JSON", id="no text"),
        pytest.param('{"x":' + "[" * 100_000, "not JSON", id="nested without end"),
        pytest.param('{"method": "GET"}', "missing required field `url`", id="a field is missing"),
        pytest.param('{"method": "GET", "url": 7}', "at `$.url`", id="a field of another type"),
        pytest.param("[]", "Expected `object`", id="no object"),
        pytest.param(
            '{"method": "GET", "url": "", "response_body_b64": "%"}', "base64", id="no base64"
        ),
        pytest.param(
            '{"method":"GET","url":"","framing":"ws-transcript","response_body":"what"}',
            "not JSON",
            id="a broken transcript",
        ),
    ],
)
def test_a_bad_line_is_named_and_the_next_one_read(
    line: str | bytes, said: str, chat: Callable[..., dict[str, Any]]
) -> None:
    """The complaint carries file and line, and the good line after it still comes."""
    bad, good = read_jsonl(_lines(line, json.dumps(chat("b"))), "f")
    assert isinstance(bad, Bad)
    assert (bad.place, said.lower() in bad.what.lower()) == ("f:1", True)
    assert isinstance(good, Exchange)
    assert good.place == "f:2"


def test_a_line_over_the_bound_is_skipped(chat: Callable[..., dict[str, Any]]) -> None:
    """An overlong line is named with its number and not read; the next line is."""
    short = json.dumps(chat("b"))
    long = json.dumps(chat("a", request_body="x" * 2_000_000))
    bad, good = read_jsonl(_lines(long, short), "f", limit=1024 * 1024)
    assert (str(bad), good.place) == ("f:1: longer than 1 MiB; skipped", "f:2")


def test_blank_lines_keep_the_numbers_right(chat: Callable[..., dict[str, Any]]) -> None:
    """A blank line is no record and still counts as a line."""
    (read,) = read_jsonl(_lines("", "  ", json.dumps(chat())), "f")
    assert read.place == "f:3"
