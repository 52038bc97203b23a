"""Which tool a call was made to, for people who are told to drop its output."""

from collections.abc import Iterable
from typing import Final

import msgspec

from leash_addon.wire.texts.gathered import DEEPEST, elements, members, text
from leash_addon.wire.texts.pieces import Piece, decoded

IDS: Final = ("id", "call_id", "toolUseId")


def tool_name(call: str, pieces: Iterable[Piece]) -> str:
    """Return the name of the tool that a call id was given to, "" where no piece says."""
    wanted = msgspec.json.encode(call) if call else b""
    for piece in pieces if wanted else ():
        if wanted in piece.raw:
            found = _named(call, decoded(piece.raw))
            if found:
                return found
    return ""


def _named(call: str, value: object) -> str:
    """Find the object with that id and a name, however deep; the nearest to the top wins."""
    level = [value]
    for _ in range(DEEPEST):
        for each in level:
            said = members(each)
            if any(said.get(name) == call for name in IDS):
                name = text(said.get("name")) or text(members(said.get("function")).get("name"))
                if name:
                    return name
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else elements(each))
        ]
    return ""
