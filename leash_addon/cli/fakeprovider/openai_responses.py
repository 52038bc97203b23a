"""Answers in ``openai.responses``, JSON and SSE.

https://platform.openai.com/docs/api-reference/responses (2025-11)
"""

from collections.abc import Iterator

from leash_addon.cli.fakeprovider.script import Call, Script

type Json = dict[str, object]


def whole(script: Script, call: Call) -> Json:
    """Return the body of a plain answer."""
    return _response(script, call, "completed", [_item(script, call, "completed")])


def events(script: Script, call: Call) -> Iterator[Json]:
    """Return the data of a stream's events, each with its type and number."""
    for number, event in enumerate(_events(script, call)):
        yield event | {"sequence_number": number}


def _events(script: Script, call: Call) -> Iterator[Json]:
    item = _item(script, call, "completed")
    place = {"item_id": item["id"], "output_index": 0}
    yield {"type": "response.created", "response": _response(script, call, "in_progress", [])}
    begun = _item(script, call, "in_progress")
    yield {"type": "response.output_item.added", "output_index": 0, "item": begun}
    if script.tool_loop:
        done = "response.function_call_arguments.done"
        yield {"type": done, **place, "name": script.tool, "arguments": script.arguments}
    else:
        text = place | {"content_index": 0}
        part = {"type": "output_text", "text": "", "annotations": []}
        yield {"type": "response.content_part.added", **text, "part": part}
        for piece in script.pieces(call.number):
            delta = {"delta": piece, "logprobs": []}
            yield {"type": "response.output_text.delta", **text, **delta}
        reply = script.reply(call.number)
        yield {"type": "response.output_text.done", **text, "text": reply, "logprobs": []}
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": "response.completed", "response": _response(script, call, "completed", [item])}


def _item(script: Script, call: Call, status: str) -> Json:
    if script.tool_loop:
        return {
            "type": "function_call",
            "id": f"fc_fake{call.number}",
            "call_id": f"call_fake{call.number}",
            "name": script.tool,
            "arguments": script.arguments if status == "completed" else "",
            "status": status,
        }
    text = {"type": "output_text", "text": script.reply(call.number), "annotations": []}
    return {
        "type": "message",
        "id": f"msg_fake{call.number}",
        "role": "assistant",
        "status": status,
        "content": [text] if status == "completed" else [],
    }


def _response(script: Script, call: Call, status: str, output: list[Json]) -> Json:
    usage = {
        "input_tokens": script.input_tokens,
        "input_tokens_details": {"cached_tokens": script.cached_tokens},
        "output_tokens": script.output_tokens,
        "output_tokens_details": {"reasoning_tokens": script.reasoning_tokens},
        "total_tokens": script.input_tokens + script.output_tokens,
    }
    return {
        "id": f"resp_fake{call.number}",
        "object": "response",
        "created_at": 1_760_000_000,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": call.model,
        "output": output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": usage if status == "completed" and script.usage else None,
    }
