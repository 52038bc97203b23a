"""The last words of a stream, as the real SDKs and leash's own framers read them."""

import json

import pytest

from leash_addon.proxy.refusals import Caller, Denial
from leash_addon.proxy.words import close_of, socket_words, stream_words
from leash_addon.wire.framing import framer_for

STOP = Denial(reason="kill", message="the run was killed")
PASSING = Denial(reason="held", message="wait", final=False, retry_after=2.5)


@pytest.mark.parametrize(
    ("shape", "kind", "path"),
    [
        pytest.param("openai.chat", "text/event-stream", ("error", "message"), id="chat"),
        pytest.param("gemini.generate", "text/event-stream", ("error", "message"), id="gemini"),
        pytest.param(
            "anthropic.messages", "text/event-stream", ("error", "message"), id="messages"
        ),
        pytest.param(
            "openai.responses",
            "text/event-stream",
            ("response", "error", "message"),
            id="responses",
        ),
        pytest.param("ollama.chat", "application/x-ndjson", ("error",), id="ollama"),
        pytest.param(
            "bedrock.converse", "application/vnd.amazon.eventstream", ("message",), id="bedrock"
        ),
    ],
)
def test_the_last_words_are_one_event(shape: str, kind: str, path: tuple[str, ...]) -> None:
    """Each format's last words are one whole event of its framing, with our message in it."""
    words = stream_words(STOP, Caller(shape=shape, run="r1"), kind)
    assert words is not None
    (event,) = framer_for(kind).feed(words)
    found = json.loads(event.data)
    for name in path:
        found = found[name]
    assert found == "leash: the run was killed (kill, run r1)."


def test_a_body_that_is_no_stream_has_no_last_words() -> None:
    """Plain JSON is broken off as it is."""
    assert stream_words(STOP, Caller(shape="openai.chat"), "application/json") is None


def test_codex_is_told_when_to_try_again() -> None:
    """A passing refusal of a turn has the code and the words that codex waits by."""
    words = socket_words(PASSING, Caller(shape="openai.responses"))
    assert words is not None
    error = json.loads(words)["response"]["error"]
    assert (error["code"], error["message"].endswith("Please try again in 2.5s.")) == (
        "rate_limit_exceeded",
        True,
    )


def test_gemini_live_is_told_by_its_close() -> None:
    """Gemini Live has no message for it: the reason of the close frame says why."""
    caller = Caller(shape="gemini.live", run="r1")
    assert socket_words(STOP, caller) is None
    assert close_of(STOP, caller) == (1008, "leash: the run was killed (kill, run r1)")
