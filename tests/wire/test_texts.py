"""Texts come out of every wire format: whose they are, where they stand, and nothing twice."""

import base64
import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.config.packs import load_providers
from leash_addon.core.part import Part
from leash_addon.wire.asked import parse_request
from leash_addon.wire.routes import Route
from leash_addon.wire.texts import FORMATS, Text, pieces, put_together, texts_in
from leash_addon.wire.texts.escapes import unescaped

S, U, A, T = Part.SYSTEM, Part.USER, Part.ASSISTANT, Part.TOOL_RESULT
PNG = base64.b64encode(bytes(range(256)) * 12).decode()


def coded(text: str) -> str:
    """Write a file as requests hold one."""
    return base64.b64encode(text.encode()).decode()


HIDDEN = json.dumps({"rows": [{"title": "one\ntwo", "by": "né"}]})


def read(wire_format: str, body: object) -> tuple[list[Text], int]:
    """Return the texts of a request, and how many media were passed over."""
    raw = json.dumps(body).encode()
    parsed = parse_request(Route(provider="p", format=wire_format or None), {}, raw)
    assert parsed.body is not None
    found = [texts_in(piece) for piece in pieces(wire_format, parsed.body)]
    return [text for each in found for text in each.texts], sum(each.skipped for each in found)


CASES = [
    pytest.param(
        "",
        {
            "requests": [
                {
                    "custom_id": "1",
                    "params": {
                        "model": "m",
                        "system": "you are",
                        "messages": [
                            {"role": "user", "content": "one"},
                            {
                                "role": "user",
                                "content": [
                                    {"type": "tool_result", "tool_use_id": "t1", "content": "out"}
                                ],
                            },
                        ],
                    },
                },
                {"custom_id": "2", "params": {"messages": [{"role": "user", "content": "two"}]}},
            ]
        },
        [(S, "you are", ""), (U, "one", ""), (T, "out", "t1"), (U, "two", "")],
        0,
        id="a batch of Anthropic's",
    ),
    pytest.param(
        "",
        {
            "batch": {
                "display_name": "b",
                "input_config": {
                    "requests": {
                        "requests": [
                            {
                                "request": {
                                    "systemInstruction": {"parts": [{"text": "you are"}]},
                                    "contents": [{"parts": [{"text": "one"}]}],
                                }
                            }
                        ]
                    }
                },
            }
        },
        [(S, "you are", ""), (U, "one", "")],
        0,
        id="a batch of Gemini's",
    ),
    pytest.param(
        "gemini.generate",
        {
            "contents": [
                {"role": "user", "parts": [{"text": "one", "thought": True}]},
                {"role": "model", "parts": [{"text": "hm", "thought": True}]},
            ]
        },
        [(U, "one", "")],
        0,
        id="a user has no thoughts of the model's",
    ),
    pytest.param(
        "gemini.generate",
        {
            "contents": [
                {
                    "parts": [
                        {"inlineData": {"mimeType": "text/markdown", "data": coded("notes é")}},
                        {"inline_data": {"mime_type": "image/png", "data": coded("words")}},
                        {
                            "functionResponse": {
                                "id": "g1",
                                "response": {},
                                "parts": [{"inlineData": {"data": coded("page")}}],
                            }
                        },
                    ]
                }
            ]
        },
        [(T, "notes é", ""), (T, "page", "g1")],
        1,
        id="files of text among Gemini's parts",
    ),
    pytest.param(
        "openai.chat",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "file", "file": {"file_data": f"data:a/b;base64,{coded('one')}"}},
                        {"type": "file", "file": {"file_data": f"data:a/b;base64,{PNG}"}},
                        {"type": "file", "file": {"file_id": "f1"}},
                    ],
                }
            ]
        },
        [(T, "one", "")],
        2,
        id="files of text in chat",
    ),
    pytest.param(
        "openai.responses",
        {
            "input": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "input_file",
                            "file_data": f"data:text/plain;base64,{coded('one')}",
                        }
                    ],
                }
            ]
        },
        [(T, "one", "")],
        0,
        id="files of text in Responses",
    ),
    pytest.param(
        "anthropic.messages",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "document",
                            "source": {
                                "type": "base64",
                                "media_type": "text/plain",
                                "data": coded("one"),
                            },
                        }
                    ],
                }
            ]
        },
        [(T, "one", "")],
        0,
        id="files of text as Anthropic's documents",
    ),
    pytest.param(
        "openai.chat",
        {
            "messages": [
                {"role": "developer", "content": "rules"},
                {
                    "role": "user",
                    "content": [{"type": "text", "text": "look"}, {"type": "image_url"}],
                },
                {"role": "assistant", "tool_calls": [{"function": {"arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": "out"},
                {"role": "function", "name": "old", "content": "older"},
            ]
        },
        [(S, "rules", ""), (U, "look", ""), (A, "{}", ""), (T, "out", "c1"), (T, "older", "")],
        1,
        id="chat",
    ),
    pytest.param(
        "anthropic.messages",
        {
            "system": [{"type": "text", "text": "you are"}],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "t1", "content": "plain"},
                        {
                            "type": "tool_result",
                            "tool_use_id": "t2",
                            "content": [{"type": "text", "text": "block"}, {"type": "image"}],
                        },
                        {
                            "type": "document",
                            "title": "name",
                            "source": {"type": "text", "data": "page"},
                        },
                        {"type": "search_result", "content": [{"type": "text", "text": "hit"}]},
                        {"type": "text", "text": "please"},
                    ],
                },
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": "x"},
                        {"type": "tool_use", "id": "t3", "input": {"command": "ls"}},
                        {
                            "type": "web_search_tool_result",
                            "tool_use_id": "t4",
                            "content": [{"title": "site", "encrypted_content": "zzz"}],
                        },
                    ],
                },
            ],
        },
        [
            (S, "you are", ""),
            (T, "plain", "t1"),
            (T, "block", "t2"),
            (T, "name", ""),
            (T, "page", ""),
            (T, "hit", ""),
            (U, "please", ""),
            (A, "ls", ""),
            (T, "site", "t4"),
        ],
        1,
        id="anthropic",
    ),
    pytest.param(
        "openai.responses",
        {
            "instructions": "rules",
            "input": [
                {"role": "user", "content": "bare"},
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "in"}],
                },
                {"type": "function_call", "call_id": "f1", "name": "ls", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "f1", "output": "files"},
                {
                    "type": "custom_tool_call_output",
                    "call_id": "f2",
                    "output": [{"type": "input_text", "text": "patch"}],
                },
                {"type": "local_shell_call_output", "id": "f3", "output": "shell"},
                {"type": "shell_call_output", "call_id": "f4", "output": [{"stdout": "a b"}]},
                {"type": "computer_call_output", "output": {"type": "computer_screenshot"}},
                {"type": "mcp_call", "id": "m1", "name": "q", "arguments": "x", "output": "served"},
                {"type": "file_search_call", "id": "s1", "results": [{"text": "found"}]},
                {"type": "reasoning", "encrypted_content": "zzz"},
            ],
        },
        [
            (S, "rules", ""),
            (U, "bare", ""),
            (U, "in", ""),
            (A, "{}", ""),
            (T, "files", "f1"),
            (T, "patch", "f2"),
            (T, "shell", "f3"),
            (T, "a b", "f4"),
            (A, "x", ""),
            (T, "served", "m1"),
            (T, "found", "s1"),
        ],
        1,
        id="responses",
    ),
    pytest.param(
        "openai.kept",
        {
            "instructions": "rules",
            "session": {"instructions": "more rules"},
            "messages": [{"role": "user", "content": "hi"}],
            "content": [{"type": "text", "text": "there"}, {"type": "image_file"}],
            "items": [{"type": "function_call_output", "call_id": "c1", "output": "out"}],
        },
        [
            (S, "rules", ""),
            (S, "more rules", ""),
            (U, "hi", ""),
            (U, "there", ""),
            (T, "out", "c1"),
        ],
        1,
        id="kept for later",
    ),
    pytest.param(
        "gemini.cached",
        {"contents": [{"parts": [{"text": "hi"}]}], "systemInstruction": "rules"},
        [(S, "rules", ""), (U, "hi", "")],
        0,
        id="gemini, cached",
    ),
    pytest.param(
        "gemini.interactions",
        {
            "model": "m",
            "system_instruction": "rules",
            "input": [
                {"role": "user", "content": "hi"},
                {"role": "model", "content": [{"type": "text", "text": "said"}]},
                {"type": "model_output", "content": [{"type": "text", "text": "more"}]},
                {"type": "function_call", "id": "i1", "name": "f", "arguments": {"q": "x"}},
                {"type": "function_result", "call_id": "i1", "name": "f", "result": {"o": ["a"]}},
                {"type": "google_search_result", "call_id": "i2", "result": [{"title": "b"}]},
                {"type": "text", "text": "there"},
                {"type": "image", "data": PNG},
                {"type": "thought", "text": "hm"},
            ],
        },
        [
            (S, "rules", ""),
            (U, "hi", ""),
            (A, "said", ""),
            (A, "more", ""),
            (A, "x", ""),
            (T, "a", "i1"),
            (T, "b", "i2"),
            (U, "there", ""),
        ],
        1,
        id="interactions",
    ),
    pytest.param(
        "gemini.interactions", {"input": "hi"}, [(U, "hi", "")], 0, id="interactions, a text"
    ),
    pytest.param(
        "gemini.interactions",
        {"input": {"type": "text", "text": "hi"}},
        [(U, "hi", "")],
        0,
        id="interactions, one content",
    ),
    pytest.param(
        "openai.realtime",
        {
            "session": {
                "instructions": "rules",
                "tools": [{"type": "function", "name": "f", "description": "a tool"}],
                "prompt": {"id": "p", "variables": {"name": "Ann"}},
            },
            "item": {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "hi"},
                    {"type": "input_audio", "audio": PNG},
                ],
            },
            "response": {
                "instructions": "be brief",
                "input": [{"type": "function_call_output", "call_id": "c1", "output": HIDDEN}],
            },
        },
        [
            (S, "rules", ""),
            (U, "Ann", ""),
            (S, "a tool", ""),
            (U, "hi", ""),
            (S, "be brief", ""),
            (T, '{"rows": [{"title": "one\ntwo", "by": "né"}]}', "c1"),
        ],
        1,
        id="realtime",
    ),
    pytest.param(
        "gemini.live",
        {
            "setup": {
                "system_instruction": {"parts": [{"text": "rules"}]},
                "tools": [{"functionDeclarations": [{"name": "f", "description": "a tool"}]}],
            },
            "clientContent": {"turns": [{"role": "model", "parts": [{"text": "said"}]}]},
            "tool_response": {"function_responses": {"id": "g1", "response": {"o": ["a", "b"]}}},
            "realtimeInput": {"text": "hi", "audio": {"data": PNG}},
        },
        [(S, "rules", ""), (S, "a tool", ""), (A, "said", ""), (T, "a\nb", "g1"), (U, "hi", "")],
        1,
        id="gemini live",
    ),
    pytest.param(
        "bedrock.converse",
        {"toolConfig": {"tools": [{"toolSpec": {"name": "f", "description": "reads"}}]}},
        [(S, "reads", "")],
        0,
        id="tools of converse",
    ),
    pytest.param(
        "openai.chat",
        {
            "tools": [
                {
                    "function": {
                        "description": "reads",
                        "parameters": {"properties": {"p": {"description": "a path"}}},
                    }
                }
            ]
        },
        [(S, "reads\na path", "")],
        0,
        id="tools of chat",
    ),
    pytest.param("openai.responses", {"input": "hi"}, [(U, "hi", "")], 0, id="responses, a string"),
    pytest.param(
        "openai.responses",
        {
            "input": [
                {
                    "type": "additional_tools",
                    "role": "developer",
                    "tools": [
                        {
                            "type": "namespace",
                            "name": "clock",
                            "description": "Tells the time.",
                            "tools": [{"type": "function", "description": "Waits."}],
                        }
                    ],
                }
            ]
        },
        [(S, "Tells the time.\nWaits.", "")],
        0,
        id="tools that codex offers",
    ),
    pytest.param(
        "gemini.generate",
        {
            "systemInstruction": {"parts": [{"text": "rules"}]},
            "contents": [
                {"role": "user", "parts": [{"text": "hi"}, {"inlineData": {"data": PNG}}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"q": "x"}}}]},
                {
                    "role": "user",
                    "parts": [
                        {
                            "functionResponse": {
                                "id": "g1",
                                "name": "f",
                                "response": {"o": ["a", "b"]},
                            }
                        }
                    ],
                },
            ],
        },
        [(S, "rules", ""), (U, "hi", ""), (A, "x", ""), (T, "a\nb", "g1")],
        1,
        id="gemini",
    ),
    pytest.param(
        "gemini.generate",
        {"model": "m", "request": {"contents": [{"parts": [{"text": "hi"}]}]}},
        [(U, "hi", "")],
        0,
        id="gemini, wrapped",
    ),
    pytest.param(
        "bedrock.converse",
        {
            "system": [{"text": "rules"}],
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"text": "hi"},
                        {
                            "toolResult": {
                                "toolUseId": "b1",
                                "content": [{"text": "out"}, {"json": {"k": "v"}}, {"image": {}}],
                            }
                        },
                        {"document": {"source": {"text": "page"}, "name": "d"}},
                    ],
                }
            ],
        },
        [(S, "rules", ""), (U, "hi", ""), (T, "out", "b1"), (T, "v", "b1"), (T, "page", "")],
        1,
        id="converse",
    ),
    pytest.param(
        "bedrock.invoke",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "out"}],
                }
            ]
        },
        [(T, "out", "t1")],
        0,
        id="invoke, Anthropic's",
    ),
    pytest.param("bedrock.invoke", {"inputText": "hi"}, [(U, "hi", "")], 0, id="invoke, Titan"),
    pytest.param(
        "cohere.chat",
        {
            "message": "ask",
            "preamble": "rules",
            "chat_history": [{"role": "CHATBOT", "message": "said"}],
            "documents": [{"snippet": "page"}],
            "tool_results": [{"call": {"name": "f"}, "outputs": [{"o": "out"}]}],
        },
        [(U, "ask", ""), (A, "said", ""), (S, "rules", ""), (T, "page", ""), (T, "out", "")],
        0,
        id="cohere, first version",
    ),
    pytest.param(
        "cohere.chat",
        {
            "messages": [
                {
                    "role": "tool",
                    "tool_call_id": "c1",
                    "content": [{"type": "document", "document": {"data": "page"}}],
                }
            ]
        },
        [(T, "page", "c1")],
        0,
        id="cohere, second version",
    ),
    pytest.param("cohere.chat", {"query": "q", "documents": ["x"]}, [], 0, id="cohere, ranking"),
    pytest.param(
        "ollama.chat",
        {"messages": [{"role": "tool", "tool_name": "f", "content": "out", "images": [PNG]}]},
        [(T, "out", "")],
        1,
        id="ollama",
    ),
    pytest.param(
        "openai.completions", {"prompt": ["a", "b"]}, [(U, "a", ""), (U, "b", "")], 0, id="prompts"
    ),
    pytest.param("openai.completions", {"prompt": [1, 2]}, [], 0, id="tokens"),
    pytest.param(
        "openai.assistants",
        {"tool_outputs": [{"tool_call_id": "c1", "output": "out"}], "instructions": "rules"},
        [(S, "rules", ""), (T, "out", "c1")],
        0,
        id="assistants",
    ),
    pytest.param(
        "",
        {"messages": [{"role": "user", "content": "hi"}], "prompt": "p"},
        [(U, "p", ""), (U, "hi", "")],
        0,
        id="a format that nobody knows",
    ),
]


@pytest.mark.parametrize(("wire_format", "body", "texts", "skipped"), CASES)
def test_every_text_comes_out_once(
    wire_format: str, body: object, texts: list[tuple[Part, str, str]], skipped: int
) -> None:
    """In order, each with its part and the call that it answers; media are counted."""
    found, media = read(wire_format, body)
    assert ([(one.part, one.text, one.call) for one in found], media) == (texts, skipped)


def test_every_known_format_has_a_case() -> None:
    """No format is read that no case shows."""
    shown = {str(case.values[0]) for case in CASES} | {"azure.chat", "bedrock.agent"}
    assert shown == set(FORMATS)


def test_json_in_a_string_is_read_without_its_escapes() -> None:
    """A tool that answers with an object in text is read as the model reads it, to depth."""
    twice = json.dumps({"result": HIDDEN})
    (found,), _ = read("openai.chat", {"messages": [{"role": "tool", "content": twice}]})
    assert "one\ntwo" in found.text
    start = found.text.index("one\ntwo")
    leaf = found.leaf_at(start)
    begin, end = leaf.span(start, start + len("one\ntwo"))
    assert leaf.value[begin:end] == r"one\\ntwo"


@pytest.mark.parametrize("value", [r"C:\new\table", r"print('a\nb')", "no json", r"[broken\n"])
def test_a_backslash_outside_json_is_no_escape(value: str) -> None:
    """Paths and source code stay as they are."""
    assert unescaped(value) is None


@given(st.text(min_size=1), st.integers(1, 3))
def test_spans_lead_back_to_the_original(inner: str, layers: int) -> None:
    """A text wrapped in JSON up to three times is found again, and where it stood."""
    wrapped = json.dumps([inner])
    for _ in range(layers - 1):
        wrapped = json.dumps([wrapped])
    found = unescaped(wrapped)
    if found is None:
        return
    assert found.original(0) == 0
    assert found.original(len(found.text)) == len(wrapped)


def changed(wire_format: str, raw: bytes, path: tuple[str | int, ...], new: bytes) -> bytes:
    """Return a request with one of its pieces replaced."""
    parsed = parse_request(Route(provider="p", format=wire_format), {}, raw)
    assert parsed.body is not None
    parts = list(pieces(wire_format, parsed.body))
    return put_together(parsed.plain, parts, {path: new}, inside=parsed.inside)


def test_only_the_changed_piece_changes() -> None:
    """Every other value keeps its bytes, numbers and escapes as they were written."""
    raw = rb'{"a":1.0e0, "messages":[ {"x":"\u0041"},{"y":2}],"z":[1 , 2]}'
    made = changed("openai.chat", raw, ("messages", 1), b'{"y":3}')
    assert made == rb'{"a":1.0e0,"messages":[{"x":"\u0041"},{"y":3}],"z":[1 , 2]}'


def test_a_request_within_a_request_is_changed_inside() -> None:
    """Code Assist's body keeps its outer members."""
    raw = b'{"model":"m","request":{"contents":[1]}}'
    made = changed("gemini.generate", raw, ("contents", 0), b"2")
    assert made == b'{"model":"m","request":{"contents":[2]}}'


def test_half_a_surrogate_does_not_hide_a_text() -> None:
    """A body that only laxer readers take is read all the same."""
    (found,), _ = read("openai.chat", {"messages": [{"role": "user", "content": "a\ud800b"}]})
    assert (found.text[0], found.text[-1]) == ("a", "b")


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
        _grown := (
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["role", "content", "type", "text", "parts", "toolResult", "output"]
                    )
                    | st.text(max_size=3),
                    inner,
                    max_size=4,
                )
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from(sorted(FORMATS)),
)
def test_no_shape_breaks_a_reader(value: object, wire_format: str) -> None:
    """Whatever stands where words belong, reading it raises nothing."""
    names = ("messages", "system", "input", "contents", "prompt", "documents", "tool_outputs")
    raw = json.dumps(dict.fromkeys(names, value)).encode("utf-8", "surrogatepass")
    parsed = parse_request(Route(provider="p", format=wire_format or None), {}, raw)
    for piece in pieces(wire_format, parsed.body) if parsed.body else ():
        assert all(text.text for text in texts_in(piece).texts)


def recorded() -> Iterator[dict[str, Any]]:
    """Yield recorded exchanges that have a request body."""
    folder = os.environ.get("LEASH_CORPUS")
    if not folder:
        pytest.skip("LEASH_CORPUS is not set: it names the folder of recorded traffic")
    with gzip.open(Path(folder) / "wire" / "corpus_dev.jsonl.gz") as lines:
        yield from (record for line in lines if (record := json.loads(line)).get("request_body"))


def test_recorded_requests_have_texts() -> None:
    """All recorded calls of formats with words have some, but for embeddings and the like."""
    providers, without, total = load_providers(), [], 0
    for record in recorded():
        url = urlsplit(record["url"])
        route = providers.route(record["method"], url.netloc, url.path)
        route = route or providers.guess(record["method"], url.path)
        if route is None or route.free or route.format not in FORMATS or not route.format:
            continue
        body = record["request_body"].encode()
        parsed = parse_request(route, {}, body)
        if parsed.body is None:
            continue
        total += 1
        if not any(texts_in(piece).texts for piece in pieces(route.format, parsed.body)):
            without.append(record["id"])
    assert len(without) * 100 < total
