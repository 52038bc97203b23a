"""The fake provider speaks four wire formats well enough for the official SDKs."""

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from importlib import import_module  # an SDK takes seconds: only its test pays
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cli.world import Leash, fake_provider, forget, seen
from tests.e2e.nursery import Nursery

MESSAGES: Any = [{"role": "user", "content": "hi"}]
CALL = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Iterator[str]:
    """Run a fake provider with telling counts."""
    leash = Leash(tmp_path_factory.mktemp("fake"), nursery)
    counts = ("--input-tokens", "11", "--output-tokens", "7", "--cached-tokens", "3")
    with fake_provider(leash, *counts, "--reasoning-tokens", "2", "--chunks", "4") as address:
        yield address


def ask(
    fake: str, path: str, body: object = CALL, **headers: str
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Post a body; return status, headers and the raw answer."""
    connection = http.client.HTTPConnection(urlsplit(fake).netloc, timeout=30)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", path, json.dumps(body), named)
    answer = connection.getresponse()
    found = answer.status, answer.headers, answer.read()
    connection.close()
    return found


def test_the_openai_sdk_reads_chat(fake: str) -> None:
    """Plain and streamed chat have the counts, the stream only where it was asked."""
    openai = import_module("openai")
    client = openai.OpenAI(base_url=f"{fake}/v1", api_key="sk-x", max_retries=0)
    plain = client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    assert plain.usage is not None
    assert (plain.usage.prompt_tokens, plain.usage.completion_tokens) == (11, 7)
    for asked in (True, False):
        chunks = list(
            client.chat.completions.create(
                model="gpt-4o",
                messages=MESSAGES,
                stream=True,
                stream_options={"include_usage": asked},
            )
        )
        usages = [chunk.usage.total_tokens for chunk in chunks if chunk.usage]
        assert usages == ([18] if asked else [])
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert text.startswith("This is answer")
    client.close()


def test_the_openai_sdk_reads_responses(fake: str) -> None:
    """Plain and streamed Responses end with the counts."""
    openai = import_module("openai")
    client = openai.OpenAI(base_url=f"{fake}/v1", api_key="sk-x", max_retries=0)
    plain = client.responses.create(model="gpt-5", input="hi")
    assert plain.usage is not None
    assert (plain.usage.input_tokens, plain.usage.input_tokens_details.cached_tokens) == (11, 3)
    events = list(client.responses.create(model="gpt-5", input="hi", stream=True))
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.usage is not None
    assert last.response.usage.output_tokens == 7
    text = "".join(e.delta for e in events if e.type == "response.output_text.delta")
    assert text == last.response.output_text
    client.close()


def test_the_anthropic_sdk_reads_messages(fake: str) -> None:
    """Input leaves cached tokens out, as Anthropic counts."""
    anthropic = import_module("anthropic")
    client = anthropic.Anthropic(base_url=fake, api_key="x", max_retries=0)
    plain = client.messages.create(model="claude-x", max_tokens=9, messages=MESSAGES)
    assert (plain.usage.input_tokens, plain.usage.cache_read_input_tokens) == (8, 3)
    with client.messages.stream(model="claude-x", max_tokens=9, messages=MESSAGES) as stream:
        assert stream.get_final_text().startswith("This is answer")
        assert stream.get_final_message().usage.output_tokens == 7
    client.close()


def test_the_google_sdk_reads_generate(fake: str) -> None:
    """Thoughts stand outside the candidates, as Gemini counts."""
    genai = import_module("google.genai")
    options = genai.types.HttpOptions(base_url=fake)
    client = genai.Client(api_key="x", http_options=options)
    plain = client.models.generate_content(model="gemini-x", contents="hi")
    assert plain.usage_metadata is not None
    assert plain.usage_metadata.candidates_token_count == 5
    assert plain.usage_metadata.thoughts_token_count == 2
    chunks = list(client.models.generate_content_stream(model="gemini-x", contents="hi"))
    assert len(chunks) == 4
    assert chunks[-1].usage_metadata is not None
    assert chunks[-1].usage_metadata.total_token_count == 18
    client.close()


def test_a_gemini_stream_without_sse_is_a_json_array(fake: str) -> None:
    """Without ``alt=sse`` the chunks are the items of one array."""
    status, headers, body = ask(fake, "/v1beta/models/gemini-x:streamGenerateContent", {})
    assert (status, headers["content-type"]) == (200, "application/json")
    assert len(json.loads(body)) == 4


def test_a_tool_loop_asks_for_the_same_call_each_time(fake: str) -> None:
    """Two answers of a tool loop differ in nothing but their ids."""
    bodies = [
        json.loads(ask(fake, "/v1/chat/completions", x_fake_tool_loop="true")[2]) for _ in range(2)
    ]
    functions = [body["choices"][0]["message"]["tool_calls"][0]["function"] for body in bodies]
    assert functions[0] == functions[1]
    assert functions[0]["name"] == "search"


def test_a_tool_loop_calls_a_declared_command_tool(fake: str) -> None:
    """A tool that runs commands, where one is declared, is called with one that does nothing."""
    shell = {"type": "object", "properties": {"command": {"type": "array"}}, "required": []}
    tools = [{"type": "function", "function": {"name": "shell", "parameters": shell}}]
    answer = ask(fake, "/v1/chat/completions", CALL | {"tools": tools}, x_fake_tool_loop="true")[2]
    function = json.loads(answer)["choices"][0]["message"]["tool_calls"][0]["function"]
    assert function == {"name": "shell", "arguments": '{"command":["true"]}'}


def test_a_wish_for_json_is_answered_in_json(fake: str) -> None:
    """The answer to a request with a schema is JSON that the schema allows."""
    members = {"route": {"type": "STRING", "enum": ["small", "big"]}, "why": {"type": "STRING"}}
    schema = {"type": "OBJECT", "properties": members, "required": ["route"]}
    body = {"generationConfig": {"responseSchema": schema}}
    answer = ask(fake, "/v1beta/models/gemini-x:generateContent", body, x_fake_tool_loop="true")[2]
    text = json.loads(answer)["candidates"][0]["content"]["parts"][0]["text"]
    assert json.loads(text) == {"route": "small"}


@pytest.mark.parametrize(
    ("headers", "status", "has_usage"),
    [
        pytest.param({"x_fake_usage": "false"}, 200, False, id="no usage"),
        pytest.param({"x_fake_status": "529"}, 529, False, id="an error"),
        pytest.param({"x_fake_input_tokens": "5"}, 200, True, id="other counts"),
        pytest.param({"x_fake_chunks": "many"}, 400, False, id="no number"),
    ],
)
def test_a_header_changes_the_script_for_one_call(
    fake: str, headers: dict[str, str], status: int, has_usage: bool
) -> None:
    """``x-fake-*`` applies to its own call and to no other."""
    found, _, body = ask(fake, "/v1/chat/completions", **headers)
    assert (found, b'"usage"' in body) == (status, has_usage)
    assert ask(fake, "/v1/chat/completions")[0] == 200


def test_requests_are_counted_and_their_overlap_is_known(fake: str) -> None:
    """Three calls that overlap are seen as three at once."""
    forget(fake)
    threads = [
        threading.Thread(
            target=ask, args=(fake, "/v1/chat/completions"), kwargs={"x_fake_delay_ms": "700"}
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = seen(fake)
    assert (found["count"], found["peak"], found["open"]) == (3, 3, 0)
    assert found["requests"][0]["body"] == CALL


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"nonsense\r\n\r\n", id="no request line"),
        pytest.param(b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n", id="bad length"),
        pytest.param(b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", id="negative length"),
        pytest.param(b"GET / HTTP/1.1\r\nx: " + b"y" * 200_000 + b"\r\n\r\n", id="long head"),
    ],
)
def test_what_is_not_http_ends_its_connection_only(fake: str, raw: bytes) -> None:
    """A broken request closes its connection, and the next one is served."""
    parts = urlsplit(fake)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as broken:
        broken.sendall(raw)
        with contextlib.suppress(ConnectionResetError):
            assert broken.recv(100) == b""
    assert ask(fake, "/v1/chat/completions")[0] == 200


def test_a_taken_port_is_an_error(fake: str, tmp_path: Path, nursery: Nursery) -> None:
    """A port that cannot be had is a message with code 125."""
    leash = Leash(tmp_path, nursery)
    done = leash("fakeprovider", "--port", str(urlsplit(fake).port))
    assert done.code == 125
    assert "cannot listen on 127.0.0.1" in done.err
