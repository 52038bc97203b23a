"""Reading requests of every format."""

import gzip
import json
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from leash_addon.wire.asked import Asked, read_request
from leash_addon.wire.request_shapes import MOST, REPORT_UNASKED, SHAPES
from leash_addon.wire.routes import Route

JSON = {"content-type": "application/json"}


def asked(
    wire_format: str,
    body: object,
    *,
    headers: dict[str, str] | None = None,
    dialect: str = "",
    url: str = "",
    model: str | None = None,
) -> Asked:
    """Read a request whose body is given as an object."""
    route = Route(provider="p", format=wire_format, dialect=dialect, model=model)
    return read_request(route, headers or JSON, json.dumps(body).encode(), url=url)


@pytest.mark.parametrize(
    ("wire_format", "body", "limit"),
    [
        pytest.param("openai.chat", {"max_tokens": 5}, 5, id="chat"),
        pytest.param(
            "openai.chat", {"max_tokens": 5, "max_completion_tokens": 7}, 7, id="chat, new"
        ),
        pytest.param("azure.chat", {"max_completion_tokens": 7}, 7, id="azure"),
        pytest.param("openai.completions", {"max_tokens": 5}, 5, id="completions"),
        pytest.param("openai.responses", {"max_output_tokens": 5}, 5, id="responses"),
        pytest.param("openai.responses", {"max_tokens": 5}, None, id="not a responses limit"),
        pytest.param("anthropic.messages", {"max_tokens": 5}, 5, id="messages"),
        pytest.param(
            "gemini.generate", {"generationConfig": {"maxOutputTokens": 5}}, 5, id="gemini"
        ),
        pytest.param(
            "gemini.generate",
            {"generation_config": {"max_output_tokens": 5}},
            5,
            id="gemini, snake",
        ),
        pytest.param(
            "gemini.generate",
            {"model": "m", "request": {"generationConfig": {"maxOutputTokens": 5}}},
            5,
            id="code assist",
        ),
        pytest.param("gemini.generate", {"request": 5}, None, id="a request that is none"),
        pytest.param("bedrock.converse", {"inferenceConfig": {"maxTokens": 5}}, 5, id="converse"),
        pytest.param("bedrock.invoke", {"max_tokens": 5}, 5, id="invoke Claude"),
        pytest.param("bedrock.invoke", {"max_gen_len": 5}, 5, id="invoke Llama"),
        pytest.param("bedrock.invoke", {"inferenceConfig": {"max_new_tokens": 5}}, 5, id="Nova"),
        pytest.param(
            "bedrock.invoke", {"textGenerationConfig": {"maxTokenCount": 5}}, 5, id="Titan"
        ),
        pytest.param("ollama.chat", {"options": {"num_predict": 5}}, 5, id="ollama"),
        pytest.param("ollama.chat", {"options": {"num_predict": -1}}, None, id="ollama, no limit"),
        pytest.param("cohere.chat", {"max_tokens": 5}, 5, id="a format without a row"),
        pytest.param("openai.chat", {"max_tokens": "5"}, None, id="a number in quotes"),
        pytest.param("openai.chat", {"max_tokens": True}, None, id="a boolean"),
        pytest.param("openai.chat", {"max_tokens": 5.0}, 5, id="a whole float"),
        pytest.param("openai.chat", {"max_tokens": 10**30}, MOST, id="an absurd number"),
        pytest.param("gemini.generate", {"generationConfig": [1]}, None, id="a list for an object"),
        pytest.param("openai.embeddings", {"max_tokens": 5}, None, id="embeddings have none"),
    ],
)
def test_the_output_limit_is_where_the_format_keeps_it(
    wire_format: str, body: dict[str, Any], limit: int | None
) -> None:
    """Each format's limit is found, and a wrong type is no limit."""
    assert asked(wire_format, body).max_output == limit


@pytest.mark.parametrize(
    ("wire_format", "body", "choices"),
    [
        pytest.param("openai.chat", {}, 1, id="none named"),
        pytest.param("openai.chat", {"n": 3}, 3, id="chat"),
        pytest.param("openai.chat", {"n": 0}, 1, id="zero"),
        pytest.param("openai.completions", {"n": 2, "best_of": 5}, 5, id="the best of five"),
        pytest.param(
            "gemini.generate", {"generationConfig": {"candidateCount": 4}}, 4, id="gemini"
        ),
        pytest.param("anthropic.messages", {"n": 3}, 1, id="messages have one"),
    ],
)
def test_choices_are_counted(wire_format: str, body: dict[str, Any], choices: int) -> None:
    """Every choice that is asked for is billed, so it is counted."""
    assert asked(wire_format, body).choices == choices


GEMINI = "/v1beta/models/gemini-2.5-pro"


@pytest.mark.parametrize(
    ("wire_format", "url", "body", "stream"),
    [
        pytest.param("openai.chat", "/v1/chat/completions", {"stream": True}, True, id="member"),
        pytest.param("openai.chat", "/v1/chat/completions", {"stream": "yes"}, False, id="no bool"),
        pytest.param("gemini.generate", f"{GEMINI}:streamGenerateContent", {}, True, id="gemini"),
        pytest.param(
            "gemini.generate", f"{GEMINI}:streamGenerateContent?alt=sse", {}, True, id="gemini SSE"
        ),
        pytest.param("gemini.generate", f"{GEMINI}:generateContent", {}, False, id="gemini whole"),
        pytest.param("anthropic.messages", "/m/x:streamRawPredict", {}, True, id="vertex"),
        pytest.param(
            "bedrock.invoke", "/model/x/invoke-with-response-stream", {}, True, id="invoke"
        ),
        pytest.param("bedrock.converse", "/model/x/converse-stream", {}, True, id="converse"),
        pytest.param("bedrock.converse", "/model/x/converse", {}, False, id="converse whole"),
        pytest.param("ollama.chat", "/api/chat", {}, True, id="ollama streams unless told not to"),
        pytest.param("ollama.chat", "/api/chat", {"stream": False}, False, id="ollama whole"),
    ],
)
def test_a_stream_is_told_by_member_or_url(
    wire_format: str, url: str, body: dict[str, Any], stream: bool
) -> None:
    """Whether the answer streams is known from the member or from the URL, as the format has it."""
    assert asked(wire_format, body, url=url).stream == stream


@pytest.mark.parametrize(
    ("body", "in_url", "model"),
    [
        pytest.param({"model": "a"}, None, "a", id="body"),
        pytest.param({}, "b", "b", id="url"),
        pytest.param({"model": "a"}, "b", "a", id="the body wins"),
        pytest.param({"model": 7}, "b", "b", id="not a name"),
        pytest.param({"model": ""}, None, None, id="an empty name"),
    ],
)
def test_the_model_is_the_bodys_else_the_urls(
    body: dict[str, Any], in_url: str | None, model: str | None
) -> None:
    """A model's name comes from the body, and from the URL where the body has none."""
    assert asked("openai.chat", body, model=in_url).model == model


def test_code_assist_names_the_model_outside() -> None:
    """A wrapped request keeps the model's name of its wrapper."""
    assert asked("gemini.generate", {"model": "m", "request": {"contents": []}}).model == "m"


STREAMED = {"model": "m", "stream": True}


@pytest.mark.parametrize(
    ("wire_format", "body", "more", "can"),
    [
        pytest.param("openai.chat", STREAMED, {}, True, id="a stream without the option"),
        pytest.param("azure.chat", STREAMED, {}, True, id="azure"),
        pytest.param("openai.completions", STREAMED, {}, True, id="legacy completions"),
        pytest.param("openai.chat", {"model": "m"}, {}, False, id="no stream"),
        pytest.param("openai.responses", STREAMED, {}, False, id="another format"),
        pytest.param(
            "openai.chat",
            {**STREAMED, "stream_options": {"include_usage": True}},
            {},
            False,
            id="asked for already",
        ),
        pytest.param(
            "openai.chat",
            {**STREAMED, "stream_options": {"include_usage": False}},
            {},
            True,
            id="declined",
        ),
        pytest.param("openai.chat", {**STREAMED, "stream_options": None}, {}, True, id="null"),
        pytest.param("openai.chat", {**STREAMED, "stream_options": [1]}, {}, False, id="nonsense"),
        pytest.param("openai.chat", STREAMED, {"dialect": "mistral"}, False, id="unasked reporter"),
        pytest.param(
            "openai.chat",
            STREAMED,
            {"headers": {"authorization": "AWS4-HMAC-SHA256 Credential=x"}},
            False,
            id="signed",
        ),
    ],
)
def test_usage_is_asked_for_only_where_it_can_be(
    wire_format: str, body: dict[str, Any], more: dict[str, Any], can: bool
) -> None:
    """The option may be added to a streamed, unsigned chat request of a dialect that knows it."""
    assert asked(wire_format, body, **more).can_inject == can


@pytest.mark.parametrize("dialect", sorted(REPORT_UNASKED))
def test_dialects_that_report_unasked_are_left_alone(dialect: str) -> None:
    """No option is added where usage comes anyway, or where the option is rejected."""
    assert asked("openai.chat", STREAMED, dialect=dialect).can_inject is False


def test_a_signed_request_is_told() -> None:
    """An AWS signature covers the body, so the request is known as signed."""
    headers = {"authorization": "AWS4-HMAC-SHA256 Credential=x"}
    assert asked("bedrock.invoke", {}, headers=headers).signed is True


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_coded_body_is_read_and_not_changed(coding: str) -> None:
    """A coded request is decoded to be read, and is not one that may be changed."""
    plain = json.dumps({**STREAMED, "pad": "x" * 1000}).encode()
    body = gzip.compress(plain) if coding == "gzip" else zstandard.ZstdCompressor().compress(plain)
    headers = {**JSON, "content-encoding": coding}
    read = read_request(Route(provider="p", format="openai.chat"), headers, body)
    assert (read.model, read.stream, read.can_inject, read.input_tokens) == (
        "m",
        True,
        False,
        -(-len(plain) // 4),
    )


def test_input_is_estimated_from_bytes() -> None:
    """Four bytes are taken for a token, rounded up."""
    read = read_request(Route(provider="p", format="openai.chat"), JSON, b'{"a": 123}')
    assert read.input_tokens == 3


FORM = (
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n'
    b"Content-Type: audio/wav\r\n\r\n" + b"\0\r\n" * 1000 + b"\r\n"
    b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
    b'--b\r\nContent-Disposition: form-data; name="stream"\r\nContent-Type: text/plain\r\n\r\n'
    b"true\r\n--b--\r\n"
)


def test_a_form_names_its_model() -> None:
    """An upload's model and stream are read from its form, and its file is no text."""
    headers = {"content-type": "multipart/form-data; boundary=b"}
    read = read_request(Route(provider="p", format="openai.audio"), headers, FORM)
    assert (read.model, read.stream, read.input_tokens, read.broken) == ("whisper-1", True, 7, None)


def test_generate_false_is_free_in_responses_only() -> None:
    """A warm-up bills nothing, and no other format can call itself free."""
    body = {"generate": False}
    assert [asked(name, body).free for name in sorted(SHAPES)] == [
        name == "openai.responses" for name in sorted(SHAPES)
    ]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param(b"{", "not JSON", id="cut off"),
        pytest.param(b"[]", "not JSON", id="a list"),
        pytest.param(b"\xff\xfe", "not JSON", id="no JSON"),
        pytest.param(b'{"model": "\xff"}', "UnicodeDecodeError", id="no UTF-8"),
        pytest.param(b'{"x":' * 100_000, "RecursionError", id="deep and cut off"),
        pytest.param(
            b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "RecursionError", id="deep"
        ),
    ],
)
def test_a_body_that_cannot_be_read_says_so(body: bytes, why: str) -> None:
    """What headers and URL say stays known, and the reason quotes nothing of the body."""
    route = Route(provider="p", format="openai.chat", model="m")
    read = read_request(route, {"authorization": "Bearer x"}, body, url="/x-stream")
    assert (read.model, read.stream, read.broken) == (
        "m",
        True,
        f"the request body cannot be read: {why}",
    )


def test_the_last_of_two_equal_keys_counts() -> None:
    """Duplicate keys are read as the common parsers read them."""
    body = b'{"model": 1, "max_tokens": 5, "model": "b"}'
    read = read_request(Route(provider="p", format="openai.chat"), JSON, body)
    assert (read.model, read.max_output) == ("b", 5)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
members = st.sampled_from(
    ["model", "stream", "stream_options", "n", "generate", "max_tokens", "generationConfig"]
)


@settings(max_examples=80, deadline=None)
@given(
    wire_format=st.sampled_from([*sorted(SHAPES), "other"]),
    body=st.dictionaries(members, values).map(lambda each: json.dumps(each).encode())
    | st.binary(max_size=50),
    coding=st.sampled_from(["", "gzip", "br", "zstd", "nonsense"]),
    kind=st.sampled_from(["application/json", "multipart/form-data; boundary=x", ""]),
)
def test_reading_never_raises(wire_format: str, body: bytes, coding: str, kind: str) -> None:
    """Members of any type, and bytes of any kind, are read to positive counts or not at all."""
    headers = {"content-encoding": coding, "content-type": kind}
    read = read_request(Route(provider="p", format=wire_format), headers, body)
    assert read.choices >= 1
    assert read.max_output is None or read.max_output >= 1


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_only_lax_readers_take_for_a_number_is_read_past(number: str) -> None:
    """A provider that reads such a request is not asked for more than is seen here."""
    body = f'{{"model":"m","n":8,"max_tokens":9,"messages":[],"temperature":{number}}}'
    asked = read_request(Route(provider="x", format="openai.chat"), {}, body.encode())
    assert (asked.model, asked.choices, asked.max_output, asked.broken) == ("m", 8, 9, None)
