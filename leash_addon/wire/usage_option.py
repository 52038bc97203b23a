"""Asking a chat stream to report its usage, by the smallest change of the request."""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct

from leash_addon.wire.members import EMPTY

OPTION = b'"stream_options":{"include_usage":true}'


class _Options(Struct):
    stream_options: Any = UNSET


def with_usage_option(body: bytes) -> bytes:
    """Return the request with ``stream_options.include_usage`` true, all else meaning the same.

    The option goes in right after the opening brace; where ``stream_options`` is there already,
    it alone is rewritten and keeps its other members. A body that is no JSON object comes back as
    it was. Source: https://platform.openai.com/docs/api-reference/chat/create (2025-06).
    """
    try:
        options = msgspec.json.decode(body, type=_Options).stream_options
        if options is UNSET:
            return _inserted(body)
        members = msgspec.json.decode(body, type=dict[str, Raw])
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return body
    kept = options if isinstance(options, dict) else {}
    members["stream_options"] = Raw(msgspec.json.encode({**kept, "include_usage": True}))
    return msgspec.json.encode(members)


def _inserted(body: bytes) -> bytes:
    at = body.index(b"{") + 1
    comma = b"" if EMPTY.match(body, at) else b","
    return body[:at] + OPTION + comma + body[at:]
