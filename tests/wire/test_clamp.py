"""Lowering a request's own output limit, and nothing else of the request."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leash_addon.wire.clamp import PLACES, clamp, floor
from leash_addon.wire.members import members

CHAT = '"messages":[{"role":"user","content":"say \\"max_tokens\\": 5, {[ ok"}]'


def clamped(wire_format: str, body: str, limit: int = 100, provider: str = "openai") -> str | None:
    """Clamp a request given as text, in which ``$CHAT`` stands for a chat's messages."""
    text = body.replace("$CHAT", CHAT).encode()
    found = clamp(text, limit, wire_format=wire_format, provider=provider)
    return None if found is None else found.decode()


@pytest.mark.parametrize(
    ("wire_format", "body", "expected"),
    [
        pytest.param(
            "openai.chat",
            '{"max_tokens": 900 , $CHAT}',
            '{"max_tokens": 100 , $CHAT}',
            id="chat",
        ),
        pytest.param(
            "openai.chat",
            '{$CHAT,\n "max_completion_tokens":900,"max_tokens":50}',
            '{$CHAT,\n "max_completion_tokens":100,"max_tokens":50}',
            id="chat, only what is above",
        ),
        pytest.param(
            "openai.chat",
            '{"max_tokens":null,$CHAT}',
            '{"max_tokens":100,$CHAT}',
            id="chat, null",
        ),
        pytest.param(
            "openai.chat",
            '{"max_tokens":-1,$CHAT}',
            '{"max_tokens":100,$CHAT}',
            id="chat, below zero",
        ),
        pytest.param(
            "openai.chat",
            '{"max_tokens":0,$CHAT}',
            '{"max_tokens":0,$CHAT}',
            id="chat, zero",
        ),
        pytest.param(
            "openai.chat",
            '{"max\\u005ftokens":900,$CHAT}',
            '{"max\\u005ftokens":100,$CHAT}',
            id="chat, an escaped name",
        ),
        pytest.param(
            "openai.chat",
            '{"max_tokens":1,$CHAT,"max_tokens":900}',
            '{"max_tokens":1,$CHAT,"max_tokens":100}',
            id="chat, a name twice",
        ),
        pytest.param(
            "openai.chat",
            " { $CHAT}",
            ' {"max_completion_tokens":100, $CHAT}',
            id="chat, added",
        ),
        pytest.param(
            "openai.chat",
            '{"tools":[{"max_tokens":900}],$CHAT}',
            '{"max_completion_tokens":100,"tools":[{"max_tokens":900}],$CHAT}',
            id="chat, another one further in",
        ),
        pytest.param(
            "openai.responses",
            '{"input":"hi","max_output_tokens":900}',
            '{"input":"hi","max_output_tokens":100}',
            id="responses",
        ),
        pytest.param(
            "openai.responses",
            '{"input":"hi"}',
            '{"max_output_tokens":100,"input":"hi"}',
            id="responses, added",
        ),
        pytest.param(
            "anthropic.messages",
            '{"max_tokens":900,"messages":[]}',
            '{"max_tokens":100,"messages":[]}',
            id="anthropic",
        ),
        pytest.param(
            "anthropic.messages",
            '{"max_tokens":900,"thinking":{"type":"enabled","budget_tokens":99},"messages":[]}',
            '{"max_tokens":100,"thinking":{"type":"enabled","budget_tokens":99},"messages":[]}',
            id="anthropic, just above thinking",
        ),
        pytest.param(
            "anthropic.messages",
            '{"max_tokens":900,"thinking":{"type":"adaptive"},"messages":[]}',
            '{"max_tokens":100,"thinking":{"type":"adaptive"},"messages":[]}',
            id="anthropic, thinking without a budget",
        ),
        pytest.param(
            "gemini.generate",
            '{"contents":[],"generationConfig":{"topK":1, "maxOutputTokens":900}}',
            '{"contents":[],"generationConfig":{"topK":1, "maxOutputTokens":100}}',
            id="gemini",
        ),
        pytest.param(
            "gemini.generate",
            '{"contents":[],"generation_config":{"max_output_tokens":900}}',
            '{"contents":[],"generation_config":{"max_output_tokens":100}}',
            id="gemini, snake case",
        ),
        pytest.param(
            "gemini.generate",
            '{"contents":[],"generation_config":{"topK":1}}',
            '{"contents":[],"generation_config":{"maxOutputTokens":100,"topK":1}}',
            id="gemini, added to its config",
        ),
        pytest.param(
            "gemini.generate",
            '{"contents":[]}',
            '{"generationConfig":{"maxOutputTokens":100},"contents":[]}',
            id="gemini, added",
        ),
        pytest.param(
            "gemini.generate",
            '{"contents":[],"generationConfig":null}',
            '{"contents":[],"generationConfig":{"maxOutputTokens":100}}',
            id="gemini, a config of null",
        ),
        pytest.param(
            "ollama.chat",
            '{"messages":[],"options":{"num_predict":-1}}',
            '{"messages":[],"options":{"num_predict":100}}',
            id="ollama, without end",
        ),
        pytest.param(
            "ollama.chat",
            '{"prompt":"hi","options":{ }}',
            '{"prompt":"hi","options":{"num_predict":100 }}',
            id="ollama, added to empty options",
        ),
        pytest.param(
            "cohere.chat",
            '{"message":"hi","max_tokens":900.0}',
            '{"message":"hi","max_tokens":100}',
            id="cohere",
        ),
        pytest.param(
            "openai.completions",
            '{"prompt":"hi","max_tokens":900}',
            '{"prompt":"hi","max_tokens":100}',
            id="completions",
        ),
    ],
)
def test_only_the_limit_changes(wire_format: str, body: str, expected: str) -> None:
    """The bytes of the limit are replaced, or added; all others are the same."""
    assert clamped(wire_format, body) == expected.replace("$CHAT", CHAT)


@pytest.mark.parametrize(
    ("wire_format", "body"),
    [
        pytest.param("bedrock.converse", '{"messages":[],"inferenceConfig":{"maxTokens":900}}'),
        pytest.param("bedrock.invoke", '{"messages":[],"max_tokens":900}'),
        pytest.param("openai.embeddings", '{"input":"hi"}'),
        pytest.param("openai.chat", '{"input":"not a chat"}', id="no chat"),
        pytest.param("openai.chat", '{"max_tokens":"many",$CHAT}', id="a text"),
        pytest.param("openai.chat", '{"max_tokens":true,$CHAT}', id="a truth"),
        pytest.param("openai.chat", '{"max_tokens":900,$CHAT', id="broken"),
        pytest.param("openai.chat", '[{"max_tokens":900}]', id="a list"),
        pytest.param("openai.chat", "", id="empty"),
        pytest.param("openai.chat", "[" * 100_000, id="deep"),
        pytest.param("openai.completions", '{"prompt":"hi"}', id="a missing limit is a short one"),
        pytest.param("anthropic.messages", '{"messages":[]}', id="anthropic without its limit"),
        pytest.param(
            "anthropic.messages",
            '{"max_tokens":900,"thinking":{"budget_tokens":100},"messages":[]}',
            id="thinking needs more",
        ),
        pytest.param(
            "anthropic.messages",
            '{"max_tokens":900,"thinking":{"budget_tokens":"x"},"messages":[]}',
            id="a budget of no number",
        ),
        pytest.param("gemini.generate", '{"contents":[],"generationConfig":[]}', id="odd config"),
        pytest.param("gemini.generate", '{"request":{"contents":[]}}', id="wrapped"),
        pytest.param("nothing.known", '{"messages":[],"max_tokens":900}'),
    ],
)
def test_what_cannot_be_lowered_is_left_alone(wire_format: str, body: str) -> None:
    """The answer is none, never an error and never another body."""
    assert clamped(wire_format, body) is None


def test_compaction_takes_no_limit() -> None:
    """OpenAI's compact endpoint has no such member, so none is added."""
    body = b'{"input":"hi"}'
    paths = ["/v1/responses", "/v1/responses/compact", "/v1/responses/compact?a=b"]
    found = [floor(body, wire_format="openai.responses", path=path) for path in paths]
    assert found == [1, None, None]


def test_a_limit_that_is_low_enough_stays() -> None:
    """A request that asks for less than it may have is not raised."""
    body = '{"max_tokens":50,$CHAT}'
    assert clamped("openai.chat", body) == body.replace("$CHAT", CHAT)


@pytest.mark.parametrize(
    ("provider", "name"),
    [
        ("openai", "max_completion_tokens"),
        ("azure", "max_completion_tokens"),
        ("mistral", "max_tokens"),
        ("unknown", "max_tokens"),
    ],
)
def test_an_added_limit_has_the_providers_name(provider: str, name: str) -> None:
    """OpenAI's reasoning models reject the old name, most others know only that."""
    found = clamped("openai.chat", "{$CHAT}", provider=provider)
    expected = '{"NAME":100,$CHAT}'.replace("NAME", name)
    assert found == expected.replace("$CHAT", CHAT)


def test_the_floor_is_above_the_thinking_budget() -> None:
    """Anthropic's limit can go down to one above what the model may think."""
    body = b'{"max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":1024},"messages":[]}'
    assert floor(body, wire_format="anthropic.messages") == 1025


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
bodies = st.dictionaries(
    st.sampled_from(
        [
            "messages",
            "prompt",
            "input",
            "contents",
            "max_tokens",
            "max_output_tokens",
            "options",
            "generationConfig",
            "max_completion_tokens",
            "x",
        ]
    ),
    values | st.fixed_dictionaries({"num_predict": values, "maxOutputTokens": values}),
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    bodies,
    st.sampled_from(sorted(PLACES)),
    st.integers(1, 20),
    st.sampled_from([None, 1]),
    st.booleans(),
)
def test_every_other_member_means_the_same(
    body: dict[str, Any], wire_format: str, limit: int, indent: int | None, ascii_only: bool
) -> None:
    """Whatever the request, without its limits it equals the original without them."""
    text = json.dumps(body, indent=indent, ensure_ascii=ascii_only).encode()
    changed = clamp(text, limit, wire_format=wire_format, provider="openai")
    if changed is not None:
        assert without_limits(json.loads(changed)) == without_limits(body)
        assert limits(json.loads(changed), wire_format)


@given(st.binary(max_size=60), st.sampled_from(sorted(PLACES)))
def test_nothing_raises(body: bytes, wire_format: str) -> None:
    """Any bytes at all give an answer: none."""
    assert clamp(body, 5, wire_format=wire_format) is None


@given(st.dictionaries(st.text(max_size=8), values), st.sampled_from([None, 2]))
def test_members_stand_where_they_are_found(value: dict[str, object], indent: int | None) -> None:
    """Each member's span holds its value and nothing else."""
    text = json.dumps(value, indent=indent).encode()
    found = {one.name: json.loads(text[one.start : one.end]) for one in members(text)}
    assert found == value


def test_recorded_requests_mean_the_same() -> None:
    """Real requests keep everything but their limit, which is then at most what was asked."""
    folder = os.environ.get("LEASH_CORPUS")
    if not folder:
        pytest.skip("set LEASH_CORPUS to the folder of the recorded traffic")
    changed = 0
    for body, wire_format in recorded(Path(folder)):
        result = clamp(body, 64, wire_format=wire_format, provider="openai")
        if result is not None:
            changed += 1
            assert without_limits(json.loads(result)) == without_limits(json.loads(body))
            assert limits(json.loads(result), wire_format)
    assert changed > 500


URLS = {
    "/chat/completions": "openai.chat",
    "/responses": "openai.responses",
    "/v1/messages": "anthropic.messages",
    ":generateContent": "gemini.generate",
    ":streamGenerateContent": "gemini.generate",
    "/api/chat": "ollama.chat",
}


def recorded(folder: Path) -> list[tuple[bytes, str]]:
    """Return the recorded requests whose format their URL tells."""
    found = []
    for file in sorted(folder.rglob("corpus_dev.jsonl.gz")):
        with gzip.open(file, "rt") as rows:
            for row in map(json.loads, rows):
                body = row.get("request_body")
                path = str(row.get("url")).partition("?")[0]
                formats = [name for end, name in URLS.items() if path.endswith(end)]
                if isinstance(body, str) and formats and body.lstrip().startswith("{"):
                    found.append((body.encode(), formats[0]))
    return found


LIMITS = {
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "num_predict",
    "maxOutputTokens",
}


def without_limits(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request without its limits; a config that held nothing else goes with them."""
    kept: dict[str, Any] = {}
    for name, value in body.items():
        if name in {"options", "generationConfig", "generation_config"} and (
            value is None or isinstance(value, dict)
        ):
            inner = {k: v for k, v in (value or {}).items() if k not in LIMITS}
            if inner:
                kept[name] = inner
        elif name not in LIMITS:
            kept[name] = value
    return kept


def limits(body: dict[str, Any], wire_format: str) -> bool:
    """Tell whether a request has a limit where its format keeps it."""
    for path in PLACES[wire_format].paths:
        value: Any = body
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            return True
    return False
