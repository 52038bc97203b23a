"""Answers in ``gemini.generate``: JSON, SSE (``alt=sse``), and without it a JSON array.

Gemini counts thoughts outside ``candidatesTokenCount``, so they are taken off here.
https://ai.google.dev/api/generate-content (2025-11)
"""

from collections.abc import Iterator

import msgspec

from leash_addon.cli.fakeprovider.script import Call, Script

type Json = dict[str, object]


def whole(script: Script, call: Call) -> Json:
    """Return the body of a plain answer."""
    part: Json = _tool(script) if script.tool_loop else {"text": script.reply(call.number)}
    return _chunk(script, call, part, last=True)


def events(script: Script, call: Call) -> Iterator[Json]:
    """Return the data of a stream's events; usage stands on every one, the last is right."""
    parts: list[Json] = [{"text": piece} for piece in script.pieces(call.number)]
    if script.tool_loop:
        parts = [_tool(script)]
    for part in parts[:-1]:
        yield _chunk(script, call, part, last=False)
    yield _chunk(script, call, parts[-1], last=True)


def _chunk(script: Script, call: Call, part: Json, *, last: bool) -> Json:
    candidate: Json = {"content": {"parts": [part], "role": "model"}, "index": 0}
    body: Json = {"modelVersion": call.model, "responseId": f"fake{call.number}"}
    if last:
        candidate["finishReason"] = "STOP"
    if script.usage:
        body["usageMetadata"] = _usage(script, last=last)
    return {"candidates": [candidate]} | body


def _usage(script: Script, *, last: bool) -> Json:
    visible = script.output_tokens - script.reasoning_tokens if last else 1
    found: Json = {
        "promptTokenCount": script.input_tokens,
        "candidatesTokenCount": visible,
        "totalTokenCount": script.input_tokens + visible + script.reasoning_tokens,
    }
    if script.cached_tokens:
        found["cachedContentTokenCount"] = script.cached_tokens
    if script.reasoning_tokens:
        found["thoughtsTokenCount"] = script.reasoning_tokens
    return found


def _tool(script: Script) -> Json:
    return {"functionCall": {"name": script.tool, "args": msgspec.json.decode(script.arguments)}}


def turn(script: Script, call: Call) -> Iterator[Json]:
    """Return the messages of a turn of Gemini Live; the last one reports."""
    for piece in script.pieces(call.number):
        yield {"serverContent": {"modelTurn": {"parts": [{"text": piece}]}}}
    yield {"serverContent": {"generationComplete": True}}
    counts = _usage(script, last=True)
    visible = counts.pop("candidatesTokenCount")
    end: Json = {"serverContent": {"turnComplete": True}}
    yield end | (
        {"usageMetadata": counts | {"responseTokenCount": visible}} if script.usage else {}
    )
