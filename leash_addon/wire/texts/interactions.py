"""Texts of Gemini's interactions: contents, turns, and what tools have answered.

Source: https://ai.google.dev/api (interactions, 2026-08). The input is a text, one content, or a
list of contents or turns.
"""

from typing import Any, Final

from leash_addon.core.part import Part
from leash_addon.wire.texts.gathered import DEEPEST, Gathered, inside, members, text
from leash_addon.wire.texts.gemini import ROLES
from leash_addon.wire.texts.text import Path

MEDIA: Final = frozenset({"image", "audio", "video", "document"})
SAID: Final = {"model_output": Part.ASSISTANT, "user_input": Part.USER}
RESULT: Final = "_result"
CALL: Final = "_call"


def item(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read a text, a content or a turn of the input."""
    _item(found, Part.USER, value, path)


def _item(found: Gathered, part: Part, value: object, path: Path) -> None:
    if isinstance(value, list):
        for index, each in inside(value) if len(path) < DEEPEST else ():
            _item(found, part, each, (*path, index))
        return
    if isinstance(value, str):
        found.add(part, value, path)
        return
    said = members(value)
    kind = text(said.get("type"))
    if kind in MEDIA:
        found.skip()
    elif kind.endswith(RESULT):
        call, tool = text(said.get("call_id")), text(said.get("name"))
        place = (*path, "result")
        found.walk(Part.TOOL_RESULT, said.get("result"), place, call=call, tool=tool)
    elif kind.endswith(CALL):
        found.walk(Part.ASSISTANT, said.get("arguments"), (*path, "arguments"))
    elif "content" in said:
        whose = ROLES.get(text(said.get("role")).lower()) or SAID.get(kind, part)
        if len(path) < DEEPEST:
            _item(found, whose, said["content"], (*path, "content"))
    elif kind != "thought":
        found.add(part, said.get("text"), (*path, "text"))
