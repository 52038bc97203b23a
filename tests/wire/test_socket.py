"""WebSockets: which messages open a call and which settle it."""

import json
from typing import Any

import pytest

from leash_addon.wire.calls import Direction, Opened, Settled, SocketEvent
from leash_addon.wire.routes import Route
from leash_addon.wire.socket import ResponseSocket, socket_meter
from leash_addon.wire.transcript import settled_calls, transcript

REALTIME = Route(provider="openai", format="openai.realtime")
RESPONSES = Route(provider="openai", format="openai.responses")
LIVE = Route(provider="gemini", format="gemini.live")
USAGE = {
    "input_tokens": 40,
    "output_tokens": 108,
    "input_token_details": {"audio_tokens": 26, "cached_tokens": 0},
    "output_token_details": {"audio_tokens": 80},
}

type Said = tuple[Direction, dict[str, Any]]


def told(route: Route, *messages: Said) -> list[SocketEvent]:
    """Feed messages and return what they opened and settled."""
    meter = socket_meter(route)
    assert meter is not None
    events = [
        event
        for direction, message in messages
        for event in meter.feed(direction, json.dumps(message).encode())
    ]
    return [*events, *meter.close()]


def story(events: list[SocketEvent]) -> list[tuple[Any, ...]]:
    """Tell events in short."""
    return [_told(event) for event in events]


def _told(event: SocketEvent) -> tuple[Any, ...]:
    if isinstance(event, Opened):
        return ("opened", event.key, event.asked is not None)
    usage = event.reading.usage
    tokens = usage and (usage.input_tokens, usage.output_tokens)
    return ("settled", event.key, tokens, event.reading.complete)


def created(name: str) -> Said:
    """Say that a response begins."""
    return "received", {
        "type": "response.created",
        "response": {"id": name, "status": "in_progress"},
    }


def done(name: str, usage: object = USAGE) -> Said:
    """Say that a realtime response ends."""
    response = {"id": name, "status": "completed", "usage": usage}
    return "received", {"type": "response.done", "response": response}


ASK: Said = ("sent", {"type": "response.create", "response": {}})


def test_an_asked_response_is_one_call() -> None:
    """The client's message opens the call, the terminal event settles it."""
    assert story(told(REALTIME, ASK, created("r1"), done("r1"))) == [
        ("opened", 1, True),
        ("settled", 1, (40, 108), True),
    ]


def test_the_server_may_begin_by_itself() -> None:
    """A response by voice activity opens a call that nobody asked for."""
    assert story(told(REALTIME, created("r1"), done("r1"), created("r2"), done("r2"))) == [
        ("opened", 1, False),
        ("settled", 1, (40, 108), True),
        ("opened", 2, False),
        ("settled", 2, (40, 108), True),
    ]


def test_responses_may_overlap() -> None:
    """Each of two open responses is settled by its own id."""
    other = {**USAGE, "input_tokens": 1, "output_tokens": 2}
    events = told(REALTIME, ASK, ASK, created("a"), created("b"), done("b", other), done("a"))
    assert story(events)[2:] == [("settled", 2, (1, 2), True), ("settled", 1, (40, 108), True)]


def test_usage_may_stand_beside_the_response() -> None:
    """A provider may leave the response's usage empty and report beside it (xAI)."""
    message = {"type": "response.done", "response": {"id": "r", "status": "completed", "usage": {}}}
    events = told(REALTIME, created("r"), ("received", {**message, "usage": USAGE}))
    assert story(events)[-1] == ("settled", 1, (40, 108), True)


def test_a_transcription_is_a_call_of_its_own_model() -> None:
    """What was said is written down, and billed, by another model."""
    session = {
        "type": "session.updated",
        "session": {"model": "talker", "audio": {"input": {"transcription": {"model": "ear"}}}},
    }
    heard = {
        "type": "conversation.item.input_audio_transcription.completed",
        "transcript": "hello",
        "usage": {"type": "duration", "seconds": 3},
    }
    events = told(REALTIME, ("received", session), ("received", heard), created("r"), done("r"))
    settled = [event for event in events if isinstance(event, Settled)]
    assert [(event.kind, event.reading.model) for event in settled] == [
        ("transcription", "ear"),
        ("response", "talker"),
    ]


def test_responses_over_a_socket() -> None:
    """The Responses API's own events settle on the completed response."""
    usage = {"input_tokens": 5, "output_tokens": 2}
    response = {"id": "r", "model": "m", "status": "completed", "usage": usage}
    events = told(
        RESPONSES,
        ("sent", {"type": "response.create", "model": "m", "input": []}),
        created("r"),
        ("received", {"type": "response.output_text.delta", "delta": "four"}),
        ("received", {"type": "response.completed", "response": response}),
    )
    assert story(events) == [("opened", 1, True), ("settled", 1, (5, 2), True)]


def test_an_error_before_any_answer_is_free() -> None:
    """A request that was turned down costs nothing and names its error."""
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}
    *_, last = told(RESPONSES, ASK, ("received", error))
    assert isinstance(last, Settled)
    assert (last.reading.free, last.reading.error) == (True, "invalid_request_error")


def test_a_cut_connection_settles_what_is_open() -> None:
    """What was seen of an open response is in its reading, which is not complete."""
    delta = {"type": "response.output_text.delta", "response_id": "r", "delta": "half an answer"}
    *_, last = told(REALTIME, ASK, created("r"), ("received", delta))
    assert isinstance(last, Settled)
    assert (last.reading.complete, last.reading.text_bytes) == (False, 14)


def test_a_withdrawn_ask_never_settles() -> None:
    """A message that was refused and not sent on leaves nothing behind."""
    meter = socket_meter(REALTIME)
    assert isinstance(meter, ResponseSocket)
    meter.feed("sent", json.dumps(ASK[1]).encode())
    meter.withdraw(1)
    assert meter.close() == []


def test_a_live_turn_settles_on_its_usage() -> None:
    """Gemini Live: content opens a turn, the message with usage settles it."""
    usage = {"promptTokenCount": 24, "responseTokenCount": 5, "totalTokenCount": 29}
    spoken = {"serverContent": {"modelTurn": {"parts": [{"text": "four"}]}}}
    events = told(
        LIVE,
        ("sent", {"setup": {"model": "models/gemini-live-test"}}),
        ("sent", {"clientContent": {"turns": [], "turnComplete": True}}),
        ("received", spoken),
        ("received", {"serverContent": {"turnComplete": True}, "usageMetadata": usage}),
        ("received", {"serverContent": {"interrupted": True}}),
    )
    assert story(events) == [("opened", 1, True), ("settled", 1, (24, 5), True)]
    last = events[-1]
    assert isinstance(last, Settled)
    assert last.reading.model == "models/gemini-live-test"


def test_live_thinking_outside_the_total_is_not_added() -> None:
    """Where Live's total leaves thinking out, the response count is the output."""
    usage = {
        "promptTokenCount": 10,
        "responseTokenCount": 37,
        "thoughtsTokenCount": 28,
        "totalTokenCount": 47,
    }
    *_, last = told(LIVE, ("received", {"serverContent": {}, "usageMetadata": usage}))
    assert story([last]) == [("settled", 1, (10, 37), True)]


@pytest.mark.parametrize("route", [REALTIME, RESPONSES, LIVE], ids=lambda route: route.format)
def test_noise_is_passed_over(route: Route) -> None:
    """Messages that are no JSON objects open and settle nothing."""
    meter = socket_meter(route)
    assert meter is not None
    noise = (b"", b"\xff\x00", b"[]", b"3", b'{"type": 3, "response": 4}', b'"text"')
    ways: tuple[Direction, ...] = ("sent", "received")
    assert [event for data in noise for way in ways for event in meter.feed(way, data)] == []


def test_a_recording_is_summed() -> None:
    """A recorded connection is the sum of its responses, messages as JSON or as text."""
    lines = [
        json.dumps({"kind": "message", "direction": direction, "data": data})
        for direction, message in (created("a"), done("a"), created("b"), done("b"))
        for data in (message if message["type"] == "response.created" else json.dumps(message),)
    ]
    body = "\n".join([*lines, "no json"]).encode()
    usage = transcript(REALTIME, body).usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.output_audio_tokens) == (80, 216, 160)
    assert len(settled_calls(REALTIME, body.splitlines())) == 2


def test_other_formats_have_no_socket() -> None:
    """A format that never comes over a WebSocket has no meter for one."""
    assert socket_meter(Route(provider="p", format="anthropic.messages")) is None
