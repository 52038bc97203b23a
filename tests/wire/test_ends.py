"""Where events end, whole and cut at every byte."""

import struct

import pytest

from leash_addon.wire.ends import ends_of

FRAME = struct.pack("!II", 20, 0) + b"x" * 12
STREAMS = [
    pytest.param("text/event-stream", b"data: 1\n\ndata: 2\n\n", 9, id="sse"),
    pytest.param("text/event-stream; charset=utf-8", b"data: 1\r\n\r\nd: 2\r\n\r\n", 11, id="crlf"),
    pytest.param("text/event-stream", b"data: 1\r\rdata: 2\r\r", 9, id="cr"),
    pytest.param("application/x-ndjson", b'{"a":1}\n{"b":2}\n', 8, id="ndjson"),
    pytest.param("application/vnd.amazon.eventstream", FRAME + FRAME, 20, id="frames"),
]


@pytest.mark.parametrize(("kind", "stream", "end"), STREAMS)
def test_ends_are_found_wherever_the_stream_is_cut(kind: str, stream: bytes, end: int) -> None:
    """Cut anywhere within its first event, what comes next leads to the same end."""
    for cut in range(end):
        ends = ends_of(kind)
        assert ends is not None
        ends.feed(stream[:cut])
        found = ends.first(stream[cut:])
        assert (cut + (found or 0), ends.between) == (end, cut == 0)


@pytest.mark.parametrize(("kind", "stream", "end"), STREAMS)
def test_byte_by_byte_the_ends_are_those_of_the_events(kind: str, stream: bytes, end: int) -> None:
    """Fed byte by byte, a stream is between two events at its start and after each of them."""
    ends = ends_of(kind)
    assert ends is not None
    between = [0] if ends.between else []
    for at in range(len(stream)):
        ends.feed(stream[at : at + 1])
        between += [at + 1] if ends.between else []
    assert between == [0, end, len(stream)]


def test_a_body_without_events_has_no_ends() -> None:
    """JSON has no place for a word of ours."""
    assert ends_of("application/json") is None


def test_an_impossible_length_has_no_end() -> None:
    """A frame shorter than its own frame ends the search, not the program."""
    ends = ends_of("application/vnd.amazon.eventstream")
    assert ends is not None
    ends.feed(b"\x00\x00\x00\x01rest")
    assert (ends.between, ends.first(FRAME)) == (False, None)
