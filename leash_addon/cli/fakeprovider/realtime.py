"""Turns of ``openai.realtime``: speech is text here.

https://platform.openai.com/docs/api-reference/realtime-server-events (2026-08)
"""

from collections.abc import Iterator

from leash_addon.cli.fakeprovider.script import Call, Script

type Json = dict[str, object]


def events(script: Script, call: Call) -> Iterator[Json]:
    """Return the events of one response."""
    name = f"resp_fake{call.number}"
    yield {"type": "response.created", "response": {"id": name, "status": "in_progress"}}
    for piece in script.pieces(call.number):
        delta: Json = {"type": "response.output_audio_transcript.delta", "delta": piece}
        yield delta | {"response_id": name}
    usage: Json = {
        "total_tokens": script.input_tokens + script.output_tokens,
        "input_tokens": script.input_tokens,
        "output_tokens": script.output_tokens,
        "input_token_details": {"cached_tokens": script.cached_tokens, "audio_tokens": 0},
        "output_token_details": {"audio_tokens": 0},
    }
    done = {"id": name, "status": "completed", "output": [], "usage": usage}
    yield {"type": "response.done", "response": done if script.usage else done | {"usage": None}}
