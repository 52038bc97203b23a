"""However a body is cut, a framer yields the same events."""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leash_addon.wire.event import Event
from leash_addon.wire.framing import Framer, framer_for
from leash_addon.wire.framing.eventstream import EventStream
from leash_addon.wire.framing.json_array import JsonArray
from leash_addon.wire.framing.ndjson import Ndjson
from leash_addon.wire.framing.sse import Sse
from leash_addon.wire.framing.whole import Nothing, Whole


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """Return an AWS event stream message."""
    block = b"".join(
        bytes([len(name)])
        + name.encode()
        + b"\x07"
        + struct.pack("!H", len(value))
        + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(block) + len(payload), len(block))
    body = prelude + struct.pack("!I", crc32(prelude)) + block + payload
    return body + struct.pack("!I", crc32(body))


def events_of(framer: Framer, pieces: Sequence[bytes]) -> tuple[list[Event], str | None]:
    """Feed a framer and return its events and what it lost."""
    events = [event for piece in pieces for event in framer.feed(piece)]
    events += framer.close()
    return events, framer.broken


@dataclass(frozen=True, kw_only=True)
class Case:
    """A body, its framer, and what comes out."""

    name: str
    make: Callable[[], Framer]
    body: bytes
    events: tuple[Event, ...] = ()
    broken: str | None = None


def data(*texts: bytes) -> tuple[Event, ...]:
    """Return events without a name."""
    return tuple(Event(None, text) for text in texts)


STREAM = b'event: a\ndata: {"x": 1}\nid: 7\nretry: 9\n\n: comment\n\ndata:\xc3\xa9\ndata: two\n\n'
STREAM_EVENTS = (Event("a", b'{"x": 1}'), Event(None, b"\xc3\xa9\ntwo"))
MESSAGES = message({":message-type": "event", ":event-type": "chunk"}, b'{"bytes":"eA=="}')
LYING_PRELUDE = struct.pack("!III", 20, 100, crc32(struct.pack("!II", 20, 100)))
LIMIT = 12

CASES = [
    Case(name="sse LF", make=Sse, body=STREAM, events=STREAM_EVENTS),
    Case(name="sse CRLF", make=Sse, body=STREAM.replace(b"\n", b"\r\n"), events=STREAM_EVENTS),
    Case(name="sse CR", make=Sse, body=STREAM.replace(b"\n", b"\r"), events=STREAM_EVENTS),
    Case(
        name="sse every line end in one stream",
        make=Sse,
        body=b"data: a\r\n\ndata: b\r\rdata: c\n\r\ndata: d\r\n\r\n\n\n"
        b"data: e\n\r\n\rdata: f\r\n\r",
        events=data(b"a", b"b", b"c", b"d", b"e", b"f"),
    ),
    Case(
        name="sse byte-order mark",
        make=Sse,
        body=b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n",
        events=data(b"a"),
    ),
    Case(name="sse only half a byte-order mark", make=Sse, body=b"\xef\xbb", events=()),
    Case(
        name="sse without a last blank line",
        make=Sse,
        body=b"data: a\n\nevent: z\ndata: b",
        events=(*data(b"a"), Event("z", b"b")),
    ),
    Case(
        name="sse ends with one LF", make=Sse, body=b"data: a\n\ndata: b\n", events=data(b"a", b"b")
    ),
    Case(
        name="sse error field",
        make=Sse,
        body=b'data: a\n\nerror: {"code": 500}\n\ndata: b\nerror: c\n\n',
        events=(*data(b"a"), Event("error", b'{"code": 500}'), *data(b"b"), Event("error", b"c")),
    ),
    Case(
        name="sse drops what is too long and goes on",
        make=lambda: Sse(LIMIT),
        body=b"data: a\n\ndata: 1234567\n\ndata: 123456\n\n\ndata: b\n\ndata: 1234567\ndata: x",
        events=data(b"a", b"123456", b"b"),
        broken="an event of more than 12 bytes was dropped",
    ),
    Case(
        name="sse drops a long event of many lines as one",
        make=lambda: Sse(LIMIT),
        body=b"data: a\ndata: b\ndata: c\n\ndata: d\n\n",
        events=data(b"d"),
        broken="an event of more than 12 bytes was dropped",
    ),
    Case(
        name="sse drops a lonely event that is too long",
        make=lambda: Sse(LIMIT),
        body=b"data: 1234567\n\n",
        broken="an event of more than 12 bytes was dropped",
    ),
    Case(
        name="sse counts no line end into the length",
        make=lambda: Sse(LIMIT),
        body=b"data: 123456\n\ndata: 123456\n",
        events=data(b"123456", b"123456"),
    ),
    Case(
        name="ndjson",
        make=Ndjson,
        body=b'{"a":1}\n{"b":"\xc3\xa9"}\r\n\n  \n{"c":3}',
        events=data(b'{"a":1}', b'{"b":"\xc3\xa9"}', b'{"c":3}'),
    ),
    Case(
        name="ndjson drops what is too long and goes on",
        make=lambda: Ndjson(LIMIT),
        body=b"123456789012\r\n1234567890123\n1\n1234567890123456\r\n2\n12345678901234",
        events=data(b"123456789012", b"1", b"2"),
        broken="a line of more than 12 bytes was dropped",
    ),
    Case(
        name="json array",
        make=JsonArray,
        body=b'[{"a": "}]\\"{[", "b": {"c": [1]}}\r\n,\r\n{"d": "\\\\"}, 5, "skip", [1, [2]]\n]\n',
        events=data(b'{"a": "}]\\"{[", "b": {"c": [1]}}', b'{"d": "\\\\"}', b"[1, [2]]"),
    ),
    Case(
        name="json array of nothing",
        make=JsonArray,
        body=b" [ ] ",
    ),
    Case(
        name="json array after brackets that close nothing",
        make=JsonArray,
        body=b']}[{"a": 1}]',
        events=data(b'{"a": 1}'),
    ),
    Case(
        name="json array cut off",
        make=JsonArray,
        body=b'[{"a": 1}, {"b": "',
        events=data(b'{"a": 1}'),
        broken="the array ended in the middle",
    ),
    Case(
        name="json array drops what is too long and goes on",
        make=lambda: JsonArray(LIMIT),
        body=b'[{"a": "1234"},{"b": "123"},{"c": 1}]',
        events=data(b'{"b": "123"}', b'{"c": 1}'),
        broken="an element of more than 12 bytes was dropped",
    ),
    Case(
        name="objects in a row",
        make=JsonArray,
        body=b'{"a":\n1}\n{"b":[]} {"c":"}{"}',
        events=data(b'{"a":\n1}', b'{"b":[]}', b'{"c":"}{"}'),
    ),
    Case(
        name="event stream",
        make=EventStream,
        body=MESSAGES
        + message({":message-type": "exception", ":exception-type": "throttled"}, b"{}")
        + message({":message-type": "error", ":error-code": "E1", ":error-message": "no"}, b""),
        events=(Event("chunk", b'{"bytes":"eA=="}'), Event("throttled", b"{}"), Event("E1", b"no")),
    ),
    Case(
        name="event stream with a wrong CRC",
        make=EventStream,
        body=MESSAGES + MESSAGES[:-1] + b"\0" + MESSAGES,
        events=(Event("chunk", b'{"bytes":"eA=="}'),),
        broken="the event stream has a message with a wrong CRC",
    ),
    Case(
        name="event stream with a damaged prelude",
        make=EventStream,
        body=MESSAGES + b"\0" * 12 + MESSAGES,
        events=(Event("chunk", b'{"bytes":"eA=="}'),),
        broken="the event stream has a damaged prelude",
    ),
    Case(
        name="event stream with headers longer than their message",
        make=EventStream,
        body=MESSAGES + LYING_PRELUDE + bytes(40),
        events=(Event("chunk", b'{"bytes":"eA=="}'),),
        broken="the event stream has a damaged prelude",
    ),
    Case(
        name="event stream cut off",
        make=EventStream,
        body=MESSAGES + MESSAGES[:-1],
        events=(Event("chunk", b'{"bytes":"eA=="}'),),
        broken="the event stream ended inside a message",
    ),
    Case(
        name="event stream drops what is too long and goes on",
        make=lambda: EventStream(len(MESSAGES)),
        body=message({":event-type": "x"}, b"y" * 200) + MESSAGES,
        events=(Event("chunk", b'{"bytes":"eA=="}'),),
        broken=f"a message of more than {len(MESSAGES)} bytes was dropped",
    ),
    Case(name="whole", make=Whole, body=b'{"a":\n\n1}', events=data(b'{"a":\n\n1}')),
    Case(name="whole and empty", make=Whole, body=b""),
    Case(
        name="whole and too long",
        make=lambda: Whole(LIMIT),
        body=b"1234567890123",
        broken="a body of more than 12 bytes was dropped",
    ),
    Case(name="nothing", make=Nothing, body=b"data: a\n\n"),
    Case(
        name="no content type, SSE",
        make=lambda: framer_for(""),
        body=b"\r\n" + STREAM,
        events=STREAM_EVENTS,
    ),
    Case(
        name="no content type, rows",
        make=lambda: framer_for(""),
        body=b'{"a":1}\n{"b":2}\n',
        events=data(b'{"a":1}', b'{"b":2}'),
    ),
    Case(
        name="JSON behind more white space than is looked at",
        make=lambda: framer_for("application/json"),
        body=b"\n" * 4096 + b'[{"a":1}]',
        events=data(b"\n" * 4096 + b'[{"a":1}]'),
    ),
    Case(
        name="JSON behind white space",
        make=lambda: framer_for("application/json"),
        body=b"\n" * 100 + b'[{"a":1}]',
        events=data(b'{"a":1}'),
    ),
]

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@every_case
def test_a_whole_body_yields_its_events(case: Case) -> None:
    """A body fed at once yields exactly the expected events and loss."""
    assert events_of(case.make(), [case.body]) == (list(case.events), case.broken)


@every_case
def test_every_single_cut_yields_the_same_events(case: Case) -> None:
    """A body cut in two, at any place, yields what it yields uncut."""
    wanted = events_of(case.make(), [case.body])
    step = 1 if len(case.body) < 1000 else 37
    for at in range(0, len(case.body) + 1, step):
        assert events_of(case.make(), [case.body[:at], case.body[at:]]) == wanted


@every_case
def test_byte_by_byte_yields_the_same_events(case: Case) -> None:
    """A body fed byte by byte yields what it yields uncut."""
    pieces = [case.body[at : at + 1] for at in range(len(case.body))]
    assert events_of(case.make(), pieces) == (list(case.events), case.broken)


@settings(max_examples=60, deadline=None)
@given(places=st.lists(st.floats(0, 1), max_size=12), case=st.sampled_from(CASES))
def test_random_cuts_yield_the_same_events(places: list[float], case: Case) -> None:
    """A body cut at any set of places, empty pieces too, yields what it yields uncut."""
    cuts = [0, *sorted(int(place * len(case.body)) for place in places), len(case.body)]
    pieces = [case.body[begin:end] for begin, end in pairwise(cuts)]
    assert events_of(case.make(), pieces) == (list(case.events), case.broken)


SSE_ALPHABET = st.sampled_from(
    [
        b"data: a",
        b"data:b",
        b"event: e",
        b": c",
        b"error: x",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"id: 1",
    ]
)
JSON_ALPHABET = st.sampled_from(
    [b"[", b"]", b"{", b"}", b'"', b"\\", b"\\\\", b'\\"', b",", b"a", b"\n", b'"k":']
)


@pytest.mark.parametrize(
    ("make", "alphabet"),
    [
        pytest.param(Sse, SSE_ALPHABET, id="sse"),
        pytest.param(lambda: Sse(9), SSE_ALPHABET, id="sse bounded"),
        pytest.param(lambda: Ndjson(5), SSE_ALPHABET, id="ndjson bounded"),
        pytest.param(JsonArray, JSON_ALPHABET, id="json array"),
        pytest.param(lambda: JsonArray(6), JSON_ALPHABET, id="json array bounded"),
        pytest.param(lambda: framer_for(""), SSE_ALPHABET | JSON_ALPHABET, id="sniffed"),
    ],
)
def test_any_bytes_yield_the_same_events_however_cut(
    make: Callable[[], Framer], alphabet: st.SearchStrategy[bytes]
) -> None:
    """Senseless bytes are framed alike whole, in two and byte by byte, and never raise."""

    @settings(max_examples=150, deadline=None)
    @given(parts=st.lists(alphabet, max_size=16), at=st.integers(0, 40))
    def alike(parts: list[bytes], at: int) -> None:
        body = b"".join(parts)
        wanted = events_of(make(), [body])
        assert events_of(make(), [body[:at], body[at:]]) == wanted
        assert events_of(make(), [bytes([byte]) for byte in body]) == wanted

    alike()
