"""Texts of OpenAI's Responses: messages, and what every kind of tool has put out.

Source: https://platform.openai.com/docs/api-reference/responses/create (2025-11).
"""

from typing import Any, Final

from leash_addon.core.part import Part
from leash_addon.wire.texts import chat
from leash_addon.wire.texts.gathered import Gathered, members, text
from leash_addon.wire.texts.text import Path

OUTPUTS: Final = ("output", "outputs", "results", "result", "tools", "error")
"""Where an item keeps what its tool has said."""

UNREAD: Final = frozenset(
    {"reasoning", "item_reference", "compaction", "compaction_summary", "image_generation_call"}
)
"""Items that only the provider can read, that point at others, or that are pictures."""

OFFERED: Final = "additional_tools"
"""An item in which codex says what its tools are for, as the member ``tools`` of a request does."""

ARGUMENTS: Final = ("arguments", "input", "action", "operation", "code", "queries")


def item(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read one item of the input; a bare string is the user's."""
    if isinstance(value, str):
        found.add(Part.USER, value, path)
        return
    said = members(value)
    kind = text(said.get("type"))
    if kind in UNREAD:
        found.skipped += kind == "image_generation_call"
    elif kind in {"", "message"}:
        chat.message(found, said, path)
    elif kind == OFFERED:
        chat.tools(found, said.get("tools"), (*path, "tools"))
    elif kind in {"input_text", "input_image", "input_file"}:
        chat.content(found, Part.USER, said, path)
    else:
        _tool(found, said, path)


def _tool(found: Gathered, said: dict[str, Any], path: Path) -> None:
    """Read a call's arguments, which are the assistant's, and its output, which is the tool's."""
    call = text(said.get("call_id")) or text(said.get("id"))
    tool = text(said.get("name"))
    for name in ARGUMENTS:
        found.walk(Part.ASSISTANT, said.get(name), (*path, name))
    for name in OUTPUTS:
        value = said.get(name)
        if isinstance(value, list) and any("type" in members(each) for each in value):
            chat.content(found, Part.TOOL_RESULT, value, (*path, name), call=call, tool=tool)
        elif members(value).get("type") == "computer_screenshot":
            found.skip()
        else:
            found.walk(Part.TOOL_RESULT, value, (*path, name), call=call, tool=tool)


def instructions(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read the system's words."""
    found.add(Part.SYSTEM, value, path)


def prompt(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read what is put into a stored prompt: ``{id, version, variables}``."""
    if isinstance(value, str):
        found.add(Part.USER, value, path)
        return
    for name, inner in members(members(value).get("variables")).items():
        chat.content(found, Part.USER, inner, (*path, "variables", name))
