"""The usage event that we asked for is swallowed, and nothing else is touched."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leash_addon.wire.swallow import UsageSwallow

TEXT = b'data: {"choices":[{"delta":{"content":"\xc3\xa9"}}],"usage":null}\n\n'
USAGE = b'data: {"choices": [],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n'
FILTER = b'data: {"choices":[],"model":"","prompt_filter_results":[{"prompt_index":0}]}\n\n'
NO_COUNTS = b'data: {"choices":[],"usage":null}\n\n'
RUNNING = b'data: {"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}\n\n'
DONE = b"data: [DONE]\n\n"
QUOTED = b'data: {"choices":[{"delta":{"content":"\\"choices\\": [] \\"usage\\": {}"}}]}\n\n'
LONG = b'data: {"choices":[{"delta":{"content":"' + b"x" * 200 + b'"}}]}\n\n'
MULTI = b'data: {"choices":[],\ndata: "usage":{"prompt_tokens":1}}\nid: 4\n\n'


def passed(pieces: list[bytes], limit: int = 100) -> bytes:
    """Return what a client gets."""
    swallow = UsageSwallow(limit)
    return b"".join([*map(swallow.feed, pieces), swallow.close()])


STREAMS = [
    pytest.param(TEXT + USAGE + DONE, TEXT + DONE, id="the usual stream"),
    pytest.param(TEXT + USAGE, TEXT, id="without an end mark"),
    pytest.param(TEXT + USAGE[:-2], TEXT, id="without a last blank line"),
    pytest.param(FILTER + TEXT + USAGE + DONE, FILTER + TEXT + DONE, id="azure"),
    pytest.param(TEXT + NO_COUNTS + DONE, TEXT + NO_COUNTS + DONE, id="no usage"),
    pytest.param(RUNNING + RUNNING + DONE, RUNNING + RUNNING + DONE, id="counts on every chunk"),
    pytest.param(RUNNING + USAGE + DONE, RUNNING + DONE, id="counts on every chunk and ours"),
    pytest.param(USAGE + DONE, USAGE + DONE, id="nothing before it"),
    pytest.param(b": hello\n\n" + USAGE, b": hello\n\n" + USAGE, id="only a comment before it"),
    pytest.param(QUOTED + DONE, QUOTED + DONE, id="a text that looks like it"),
    pytest.param(TEXT + USAGE + USAGE + DONE, TEXT + USAGE + DONE, id="one of two"),
    pytest.param(TEXT + MULTI + DONE, TEXT + DONE, id="on several lines"),
    pytest.param(LONG + USAGE + DONE, LONG + DONE, id="after an event too long to hold"),
    pytest.param(
        b": ping\n\n\n" + TEXT + b"\n\n: x\n\n" + USAGE + b"\n" + DONE,
        b": ping\n\n\n" + TEXT + b"\n\n: x\n\n\n" + DONE,
        id="comments and blank lines stay",
    ),
    pytest.param(b"", b"", id="nothing"),
    pytest.param(b'{"error": {}}', b'{"error": {}}', id="no SSE at all"),
    pytest.param(TEXT + b"data: {broken", TEXT + b"data: {broken", id="cut off"),
]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize(("body", "wanted"), STREAMS)
def test_one_event_goes_and_all_other_bytes_stay(body: bytes, wanted: bytes, end: bytes) -> None:
    """The client's bytes are the provider's less one event: whole, cut anywhere, byte by byte."""
    body, wanted = body.replace(b"\n", end), wanted.replace(b"\n", end)
    assert passed([body]) == wanted
    assert passed([bytes([byte]) for byte in body]) == wanted
    for at in range(len(body)):
        assert passed([body[:at], body[at:]]) == wanted


def test_whole_events_pass_at_once() -> None:
    """An event is delivered with the chunk that ends it."""
    swallow = UsageSwallow()
    assert [swallow.feed(piece) for piece in (TEXT, TEXT[:9], TEXT[9:] + USAGE[:9])] == [
        TEXT,
        b"",
        TEXT,
    ]


def test_a_long_event_is_not_held_back() -> None:
    """Past the bound an event passes in pieces: what is held stays small."""
    swallow = UsageSwallow(100)
    assert swallow.feed(b"data: " + b"x" * 200) == b"data: " + b"x" * 200


pieces = st.sampled_from(
    [
        TEXT,
        USAGE,
        FILTER,
        NO_COUNTS,
        RUNNING,
        DONE,
        QUOTED,
        LONG,
        MULTI,
        b": c\n\n",
        b"\n",
        b"\r",
        b"data",
    ]
)


@settings(max_examples=150, deadline=None)
@given(parts=st.lists(pieces, max_size=7), crlf=st.booleans(), size=st.integers(1, 50))
def test_bytes_pass(parts: list[bytes], crlf: bool, size: int) -> None:
    """However a stream is cut, the client gets the same bytes, and at most one event is gone."""
    body = b"".join(parts)
    if crlf:
        body = body.replace(b"\n", b"\r\n")
    cut = [body[at : at + size] for at in range(0, len(body), size)]
    assert passed(cut) == passed([body])
    assert passed(cut).count(b"prompt_tokens") >= body.count(b"prompt_tokens") - 1
