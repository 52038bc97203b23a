"""The meter never raises, holds little, and turns blind rather than wrong."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leash_addon.core.reading import Reading
from leash_addon.wire.asked import Asked
from leash_addon.wire.formats import FORMATS
from leash_addon.wire.meter import Meter
from leash_addon.wire.routes import Route

TYPES = (
    "application/json",
    "text/event-stream",
    "application/x-ndjson",
    "application/vnd.amazon.eventstream",
    "",
)
KEYS = st.sampled_from(
    (
        "usage", "choices", "delta", "message", "content", "type", "index", "model", "id",
        "response", "output", "candidates", "parts", "usageMetadata", "error", "text", "status",
        "prompt_tokens", "input_tokens", "iterations", "cache_creation", "tool_calls", "function",
        "metadata", "bytes", "results", "prompt_eval_count", "meta", "billed_units", "service_tier",
    )
)  # fmt: skip
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(("message_start", "response.completed", "completed", "text", "AAAA")),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=25,
)


def metered(
    name: str | None, kind: str, pieces: list[bytes], asked: Asked | None = None
) -> Reading:
    """Meter a body of one format and content type."""
    meter = Meter(Route(provider="p", format=name), asked, 200, {"content-type": kind})
    for piece in pieces:
        meter.feed(piece)
    meter.close()
    return meter.reading()


def framed(kind: str, trees: list[Any]) -> bytes:
    """Write trees as the events of a content type."""
    texts = [json.dumps(tree) for tree in trees]
    match kind:
        case "text/event-stream":
            return "".join(f"data: {text}\n\n" for text in texts).encode()
        case "application/x-ndjson":
            return "\n".join(texts).encode()
        case _:
            return texts[0].encode() if texts else b""


def gave_up(reading: Reading) -> bool:
    """Tell whether the meter met a fault of its own."""
    return any(note.startswith("the meter gave up") for note in reading.notes)


@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(kind=st.sampled_from(TYPES[:3]), trees=st.lists(TREES, max_size=4))
def test_odd_events_are_read(name: str, kind: str, trees: list[Any]) -> None:
    """No JSON, whatever stands where, makes a format fail."""
    assert not gave_up(metered(name, kind, [framed(kind, trees)]))


@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=12, deadline=None)
@given(kind=st.sampled_from(TYPES), pieces=st.lists(st.binary(max_size=60), max_size=6))
def test_noise_is_read(name: str, kind: str, pieces: list[bytes]) -> None:
    """No bytes make a format fail."""
    assert not gave_up(metered(name, kind, pieces))


def test_a_fault_of_the_meter_makes_the_call_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """An internal surprise is a note without any text of the body, and no usage."""
    body = "secret text"

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(body)

    meter = Meter(
        Route(provider="p", format="openai.chat"), None, 200, {"content-type": "application/json"}
    )
    monkeypatch.setattr(meter._framer, "feed", fail)
    meter.feed(b'{"usage": {"prompt_tokens": 1}}')
    meter.close()
    expected = Reading(notes=("the meter gave up: RuntimeError",))
    assert (meter.reading(), meter.complete) == (expected, False)


def test_a_free_route_is_free() -> None:
    """What a free path answers is never read as a bill."""
    meter = Meter(Route(provider="p", free=True), None, 200, {"content-type": "application/json"})
    meter.feed(b'{"usage": {"prompt_tokens": 1}}')
    meter.close()
    assert meter.reading() == Reading(free=True, complete=True)


def test_a_blind_route_reads_nothing() -> None:
    """A path that nobody knows is not read for numbers that look like usage."""
    body = b'{"usage": {"prompt_tokens": 1}}'
    assert metered(None, "application/json", [body]) == Reading()


@pytest.mark.parametrize(
    ("usage", "free"), [(None, True), ({"input_tokens": 3, "output_tokens": 0}, False)]
)
def test_a_free_request_is_free_unless_it_reports(usage: object, free: bool) -> None:
    """A request that says it makes nothing is free, until its answer reports usage."""
    body = json.dumps({"id": "r", "status": "completed", "usage": usage}).encode()
    asked = Asked(free=True)
    assert metered("openai.responses", "application/json", [body], asked).free is free


def test_the_end_is_seen_before_the_connection_ends() -> None:
    """A client that hangs up right after the last event leaves a complete reading."""
    meter = Meter(
        Route(provider="p", format="openai.chat"), None, 200, {"content-type": "text/event-stream"}
    )
    meter.feed(b'data: {"usage": {"prompt_tokens": 1, "completion_tokens": 2}}\n\n')
    before = meter.complete
    meter.feed(b"data: [DONE]\n\n")
    assert (before, meter.complete) == (False, True)


def test_a_long_stream_is_not_kept() -> None:
    """A stream of a million bytes leaves the meter holding a few kilobytes of it."""
    meter = Meter(
        Route(provider="p", format="openai.chat"), None, 200, {"content-type": "text/event-stream"}
    )
    chunk = json.dumps({"choices": [{"delta": {"content": "word " * 200}}]}).encode()
    for _ in range(1000):
        meter.feed(b"data: " + chunk + b"\n\n")
    assert meter._format is not None
    held = meter._format.seen.reply._texts[0].held  # type: ignore[attr-defined]
    assert (meter.reading().text_bytes, held < 8192) == (1_000_000, True)
