"""Answers in ``openai.chat``, JSON and SSE, with usage where the request asked for it.

https://platform.openai.com/docs/api-reference/chat (2025-11)
"""

from collections.abc import Iterator

from leash_addon.cli.fakeprovider.script import Call, Script

type Json = dict[str, object]


def whole(script: Script, call: Call) -> Json:
    """Return the body of a plain answer."""
    message: Json = {"role": "assistant", "content": script.reply(call.number), "refusal": None}
    if script.tool_loop:
        message |= {"content": None, "tool_calls": [_tool(script, call)]}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(script)}
    body = _head(call, "chat.completion") | {"choices": [choice]}
    return body | ({"usage": usage(script)} if script.usage else {})


def events(script: Script, call: Call) -> Iterator[Json | str]:
    """Return the data of a stream's events."""
    head = _head(call, "chat.completion.chunk")
    extra: Json = {"usage": None} if call.wants_usage else {}

    def chunk(delta: Json, reason: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return head | {"choices": [choice]} | extra

    yield chunk({"role": "assistant", "content": None if script.tool_loop else ""})
    if script.tool_loop:
        yield chunk({"tool_calls": [{"index": 0, **_tool(script, call)}]})
    else:
        yield from (chunk({"content": piece}) for piece in script.pieces(call.number))
    yield chunk({}, _reason(script))
    if call.wants_usage and script.usage:
        yield head | {"choices": [], "usage": usage(script)}
    yield "[DONE]"


def usage(script: Script) -> Json:
    """Return the counts as chat reports them."""
    return {
        "prompt_tokens": script.input_tokens,
        "completion_tokens": script.output_tokens,
        "total_tokens": script.input_tokens + script.output_tokens,
        "prompt_tokens_details": {"cached_tokens": script.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": script.reasoning_tokens},
    }


def _head(call: Call, kind: str) -> Json:
    return {
        "id": f"chatcmpl-fake{call.number}",
        "object": kind,
        "created": 1_760_000_000,
        "model": call.model,
    }


def _tool(script: Script, call: Call) -> Json:
    function = {"name": script.tool, "arguments": script.arguments}
    return {"id": f"call_fake{call.number}", "type": "function", "function": function}


def _reason(script: Script) -> str:
    return "tool_calls" if script.tool_loop else "stop"
