"""What leash says in the middle of a conversation: a last event of a stream, a message of a socket.

Each format has a way to tell that an answer failed after it had begun, and SDKs raise on it:
Responses ``response.failed`` (https://platform.openai.com/docs/api-reference/responses-streaming),
chat ``{"error": ...}`` (https://platform.openai.com/docs/guides/error-codes), Anthropic
``event: error`` (https://docs.anthropic.com/en/api/messages-streaming#error-events), Gemini
``{"error": ...}`` (https://cloud.google.com/apis/design/errors), Ollama ``{"error": ...}``, Bedrock
an exception in its event stream (https://docs.aws.amazon.com/bedrock/latest/APIReference/
API_runtime_ResponseStream.html), Realtime ``error`` (https://platform.openai.com/docs/api-reference/
realtime-server-events/error; all 2026-08). Gemini Live has none: it closes with a reason.
"""

import binascii
import struct
from typing import Final

import msgspec

from leash_addon.proxy.refusals import Caller, Denial, Json, error_body, kind_of, said
from leash_addon.wire.ends import EVENT_STREAM, NDJSON, SSE, media_type

INVALID_PROMPT: Final = "invalid_prompt"
"""The code of a failed response after which codex ends its turn and prints the message."""

RATE_LIMITED: Final = "rate_limit_exceeded"
"""The code after which it waits for as long as the message says, and asks again."""

POLICY, TRY_AGAIN = 1008, 1013
"""Close codes of a WebSocket (RFC 6455 section 7.4.1; 1013 by IANA's registry)."""


def failed_response(
    denial: Denial, caller: Caller, response: str = "", *, number: int = 0
) -> bytes:
    """Return the event of a response that failed. ``response``: its id, where one has begun."""
    message, leash = said(denial, caller)
    if not denial.final:
        message = f"{message} Please try again in {denial.retry_after or 1:g}s."
    code = INVALID_PROMPT if denial.final else RATE_LIMITED
    body: Json = {
        "type": "response.failed",
        "sequence_number": number,
        "response": {
            "id": response or "resp_leash",
            "object": "response",
            "created_at": 0,
            "status": "failed",
            "error": {"code": code, "message": message},
            "incomplete_details": None,
            "model": "",
            "output": [],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
            "usage": None,
            "metadata": {},
        },
        "leash": leash,
    }
    return msgspec.json.encode(body)


def socket_words(denial: Denial, caller: Caller, response: str = "") -> bytes | None:
    """Return the message that tells a WebSocket's client; ``None`` where only a close can."""
    if caller.shape == "openai.responses":
        return failed_response(denial, caller, response)
    if caller.shape != "openai.realtime":
        return None
    message, leash = said(denial, caller)
    error: Json = {
        "type": "invalid_request_error" if denial.final else "rate_limit_error",
        "code": denial.reason,
        "message": message,
        "param": None,
        "event_id": None,
    }
    body: Json = {"type": "error", "event_id": "event_leash", "error": error, "leash": leash}
    return msgspec.json.encode(body)


def close_of(denial: Denial, caller: Caller) -> tuple[int, str]:
    """Return code and reason of the frame that closes a WebSocket."""
    where = f", run {caller.run}" if caller.run else ""
    reason = f"leash: {denial.message} ({denial.reason}{where})"
    return (POLICY if denial.final else TRY_AGAIN), reason


def stream_words(
    denial: Denial, caller: Caller, content_type: str, response: str = ""
) -> bytes | None:
    """Return the last event of a stream that is cut; ``None``: its framing has no place for one."""
    kind = media_type(content_type)
    if kind == EVENT_STREAM:
        return _exception(said(denial, caller)[0])
    if kind == SSE and caller.shape == "openai.responses":
        data = failed_response(denial, caller, response, number=1_000_000)
        return b"event: response.failed\ndata: " + data + b"\n\n"
    if kind not in {SSE, NDJSON}:
        return None
    data = msgspec.json.encode(error_body(denial, caller, 400 if denial.final else 429))
    if kind == NDJSON:
        return data + b"\n"
    if kind_of(caller.shape) == "anthropic":
        return b"event: error\ndata: " + data + b"\n\n"
    return b"data: " + data + b"\n\n"


def _exception(message: str) -> bytes:
    """Frame an exception as AWS does: prelude, headers, payload, two CRC-32."""
    fields = {
        ":exception-type": "validationException",
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    headers = b"".join(
        struct.pack("!B", len(name))
        + name.encode()
        + struct.pack("!BH", 7, len(value))
        + value.encode()
        for name, value in fields.items()
    )
    payload = msgspec.json.encode({"message": message})
    prelude = struct.pack("!II", len(headers) + len(payload) + 16, len(headers))
    body = prelude + struct.pack("!I", binascii.crc32(prelude)) + headers + payload
    return body + struct.pack("!I", binascii.crc32(body))
