"""Answers in ``anthropic.messages``, JSON and SSE.

Anthropic's ``input_tokens`` leaves cached tokens out, so they are taken off here.
https://docs.anthropic.com/en/api/messages-streaming (2025-11)
"""

from collections.abc import Iterator

import msgspec

from leash_addon.cli.fakeprovider.script import Call, Script

type Json = dict[str, object]


def whole(script: Script, call: Call) -> Json:
    """Return the body of a plain answer."""
    arguments = msgspec.json.decode(script.arguments)
    block = _block(script, call) | (
        {"input": arguments} if script.tool_loop else {"text": script.reply(call.number)}
    )
    return _message(call) | {
        "content": [block],
        "stop_reason": _reason(script),
        "usage": _input(script) | {"output_tokens": script.output_tokens} if script.usage else {},
    }


def events(script: Script, call: Call) -> Iterator[Json]:
    """Return the data of a stream's events; the type is the event's name."""
    start = _input(script) | {"output_tokens": 1} if script.usage else {}
    yield {"type": "message_start", "message": _message(call) | {"usage": start}}
    yield {"type": "content_block_start", "index": 0, "content_block": _block(script, call)}
    yield {"type": "ping"}
    for delta in _deltas(script, call):
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    final = {"stop_reason": _reason(script), "stop_sequence": None}
    end = {"output_tokens": script.output_tokens} if script.usage else {}
    yield {"type": "message_delta", "delta": final, "usage": end}
    yield {"type": "message_stop"}


def _deltas(script: Script, call: Call) -> Iterator[Json]:
    if script.tool_loop:
        yield {"type": "input_json_delta", "partial_json": script.arguments}
        return
    for piece in script.pieces(call.number):
        yield {"type": "text_delta", "text": piece}


def _message(call: Call) -> Json:
    return {
        "id": f"msg_fake{call.number}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _block(script: Script, call: Call) -> Json:
    if script.tool_loop:
        return {
            "type": "tool_use",
            "id": f"toolu_fake{call.number}",
            "name": script.tool,
            "input": {},
        }
    return {"type": "text", "text": ""}


def _input(script: Script) -> Json:
    return {
        "input_tokens": script.input_tokens - script.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": script.cached_tokens,
    }


def _reason(script: Script) -> str:
    return "tool_use" if script.tool_loop else "end_turn"
