"""What each framer is for, what it bounds, and which body gets which."""

import struct
import tracemalloc
from collections.abc import Callable
from zlib import crc32

import pytest

from leash_addon.wire.event import Event
from leash_addon.wire.framing import MAX_EVENT_BYTES, Framer, framer_for
from leash_addon.wire.framing.choose import SNIFF_BYTES
from leash_addon.wire.framing.eventstream import EventStream
from leash_addon.wire.framing.json_array import JsonArray
from leash_addon.wire.framing.ndjson import Ndjson
from leash_addon.wire.framing.sse import Sse


@pytest.mark.parametrize(
    ("content_type", "body", "events"),
    [
        pytest.param("text/event-stream; charset=utf-8", b"data: 1\n\n", [b"1"], id="SSE"),
        pytest.param("Text/Event-Stream", b"data:1\n\n", [b"1"], id="the case does not matter"),
        pytest.param("text/event-stream", b'{"error": 1}', [b'{"error": 1}'], id="JSON named SSE"),
        pytest.param(
            "application/json", b"data: 1\n\ndata: 2\n\n", [b"1", b"2"], id="SSE named JSON"
        ),
        pytest.param("application/json", b'\n {"a":1}', [b'\n {"a":1}'], id="JSON"),
        pytest.param(
            "application/json", b'[{"a":1},\r\n{"b":2}]', [b'{"a":1}', b'{"b":2}'], id="array"
        ),
        pytest.param("application/json", b"not found", [b"not found"], id="text named JSON"),
        pytest.param("application/problem+json", b"null", [b"null"], id="another JSON"),
        pytest.param("", b'{"a":1}\n{"b":2}', [b'{"a":1}', b'{"b":2}'], id="rows, nothing named"),
        pytest.param("", b'{"a":"}\\n{"}', [b'{"a":"}\\n{"}'], id="no rows"),
        pytest.param("", b"", [], id="an empty body"),
        pytest.param("application/x-ndjson", b"1\n2\n", [b"1", b"2"], id="rows"),
        pytest.param("application/octet-stream", b'{"a":1}', [b'{"a":1}'], id="JSON named bytes"),
        pytest.param("application/octet-stream", b"PK\3\4......", [], id="a file"),
        pytest.param("audio/mpeg", b'{"a":1}', [], id="sound is not looked at"),
    ],
)
def test_content_type_and_first_bytes_choose_the_framer(
    content_type: str, body: bytes, events: list[bytes]
) -> None:
    """The framing that a body really has is used, whatever its content type says."""
    framer = framer_for(content_type)
    assert [event.data for event in (*framer.feed(body), *framer.close())] == events


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        pytest.param(b'{"a":1}', True, id="a plain body"),
        pytest.param(b'{"a":1}\n{"b":2}', False, id="rows"),
        pytest.param(b'[{"a":1}]', False, id="an array"),
        pytest.param(b"data: 1\n\n", False, id="SSE"),
    ],
)
def test_only_a_plain_body_is_whole(body: bytes, whole: bool) -> None:
    """``whole`` tells a body from a piece of a stream once the body has ended."""
    framer = framer_for("")
    framer.feed(body)
    framer.close()
    assert framer.whole == whole


def test_white_space_is_looked_through_only_so_far() -> None:
    """A body that begins with much white space is framed as it comes, not at its end."""
    framer = framer_for("text/event-stream")
    events = [*framer.feed(b"\n" * SNIFF_BYTES), *framer.feed(b"data: a\n\n")]
    assert events == [Event(None, b"a")]


def test_an_sse_event_comes_with_its_blank_line() -> None:
    """An event is there as soon as its blank line is, also when that ends with a CR."""
    framer = Sse()
    assert framer.feed(b"data: a\r\n\r") == [Event(None, b"a")]


@pytest.mark.parametrize(
    ("lines", "event"),
    [
        pytest.param(b"data", Event(None, b""), id="a field without a colon"),
        pytest.param(b"data:  two", Event(None, b" two"), id="only one space goes"),
        pytest.param(b'data: {"a":1}    ', Event(None, b'{"a":1}    '), id="padding stays"),
        pytest.param(b"event: \xff\ndata: a", Event("\ufffd", b"a"), id="a name that is no UTF-8"),
        pytest.param(b"event:\ndata: a", Event(None, b"a"), id="an empty name is none"),
        pytest.param(b"data: a\nevent: x", Event("x", b"a"), id="the name after the data"),
        pytest.param(b"Data: b\ndata: a", Event(None, b"a"), id="field names mind their case"),
        pytest.param(b" data: b\ndata: a", Event(None, b"a"), id="a space before the field"),
    ],
)
def test_sse_fields_follow_the_grammar(lines: bytes, event: Event) -> None:
    """The grammar's corner cases are read as it says."""
    assert Sse().feed(lines + b"\n\n") == [event]


@pytest.mark.parametrize("lines", [b"event: a", b": comment", b"id: 1\nretry: 2", b"", b"x: y"])
def test_sse_without_data_is_no_event(lines: bytes) -> None:
    """Names, comments and empty blocks make no event."""
    assert Sse().feed(lines + b"\n\n") == []


@pytest.mark.parametrize(
    ("make", "start", "piece"),
    [
        pytest.param(Sse, b"", b"data: 0123456789\n", id="sse"),
        pytest.param(Ndjson, b"", b"0123456789", id="ndjson"),
        pytest.param(JsonArray, b'[{"a":"', b"01234567\\n", id="json array"),
        pytest.param(lambda: framer_for("text/event-stream"), b"", b": keep\n", id="comments"),
    ],
)
def test_memory_stays_at_one_event(make: Callable[[], Framer], start: bytes, piece: bytes) -> None:
    """An event without an end holds no more memory than the longest that is allowed."""
    framer = make()
    chunk = piece * (1024 * 1024 // len(piece))
    framer.feed(start)
    tracemalloc.start()
    for _ in range(3 * MAX_EVENT_BYTES // len(chunk)):
        framer.feed(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * MAX_EVENT_BYTES


def test_a_long_stream_of_short_events_holds_one_of_them() -> None:
    """50 MB of events take no more memory than a chunk of them."""
    framer = framer_for("text/event-stream")
    chunk = (b"data: " + b"x" * 500 + b"\n\n") * 128
    tracemalloc.start()
    count = sum(len(framer.feed(chunk)) for _ in range(50_000_000 // len(chunk)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (count, peak < 8 * len(chunk)) == (50_000_000 // len(chunk) * 128, True)


def stream_message(headers: bytes, payload: bytes = b"{}") -> bytes:
    """Return an event stream message with a raw header block."""
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    body = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return body + struct.pack("!I", crc32(body))


EVERY_TYPE = (
    b"\1a\0" + b"\1b\1" + b"\1c\2x" + b"\1d\3xx" + b"\1e\4xxxx" + b"\1f\5xxxxxxxx"
    b"\1g\6\0\3xyz" + b"\1i\x08xxxxxxxx" + b"\1j\x09" + b"x" * 16 + b"\x0b:event-type\7\0\2ok"
)


def test_headers_of_every_type_are_skipped() -> None:
    """A message's name is found behind headers of all ten types."""
    assert EventStream().feed(stream_message(EVERY_TYPE)) == [Event("ok", b"{}")]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(b"\1a\x0ax", id="a type that does not exist"),
        pytest.param(b"\x0b:event-type\7\0\x09ok", id="a value longer than the block"),
        pytest.param(b"\x20name", id="a name longer than the block"),
    ],
)
def test_unreadable_headers_stop_the_stream(headers: bytes) -> None:
    """A message whose headers make no sense ends the framing, with the reason."""
    framer = EventStream()
    events = framer.feed(stream_message(headers) + stream_message(EVERY_TYPE))
    assert (events, framer.broken) == ([], "the event stream has a message with unreadable headers")
