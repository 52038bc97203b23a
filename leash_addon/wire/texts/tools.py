"""Which tool a call was made to, for people who are told to drop its output."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from leash_addon.wire.texts.gathered import members, text
from leash_addon.wire.texts.pieces import Piece

IDS: Final = ("id", "call_id", "toolUseId")


def tool_name(call: str, pieces: Iterable[Piece]) -> str:
    """Return the name of the tool that a call id was given to, "" where no piece says."""
    wanted = msgspec.json.encode(call) if call else b""
    for piece in pieces if wanted else ():
        if wanted in piece.raw:
            found = _named(call, msgspec.json.decode(piece.raw))
            if found:
                return found
    return ""


def _named(call: str, value: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(value, dict) and any(value.get(name) == call for name in IDS):
        name = text(value.get("name")) or text(members(value.get("function")).get("name"))
        if name:
            return name
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for each in inside if (found := _named(call, each))), "")
