"""Texts of Anthropic's messages, tool results and documents among them.

Source: https://docs.anthropic.com/en/api/messages (2025-11).
"""

from collections.abc import Mapping
from typing import Any, Final

from leash_addon.core.part import Part
from leash_addon.wire.texts.chat import ROLES, UNREAD
from leash_addon.wire.texts.gathered import Gathered, Json, elements, members, text
from leash_addon.wire.texts.inline import inline
from leash_addon.wire.texts.text import Path

ENDS: Final = "tool_result"
"""How the type of every result ends: of the client's tools, of the provider's, of MCP servers."""

SEALED: Final = frozenset({"web_search_tool_result", "tool_search_tool_result"})
"""Results that the provider checks when they come back."""


def message(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read one message."""
    said = members(value)
    part = ROLES.get(text(said.get("role")).lower(), Part.USER)
    blocks(found, part, said.get("content"), (*path, "content"))


def system(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read the system's words: a string, or one of its blocks."""
    blocks(found, Part.SYSTEM, [value] if isinstance(value, dict) else value, path, alone=True)


def blocks(
    found: Gathered,
    part: Part,
    value: object,
    path: Path,
    *,
    call: str = "",
    alone: bool = False,
) -> None:
    """Read a string or blocks. ``alone``: the path is that of the only block."""
    if isinstance(value, str):
        found.add(part, value, path, call=call)
        return
    for index, each in enumerate(elements(value)):
        place = path if alone else (*path, index)
        if isinstance(each, str):
            found.add(part, each, place, call=call)
        else:
            _block(found, part, members(each), place, call)


def _block(found: Gathered, part: Part, block: Json, path: Path, call: str) -> None:
    kind = text(block.get("type"))
    if kind in {"image", "container_upload"}:
        found.skip()
    elif kind.endswith(ENDS):
        _result(found, block, path, kind)
    elif kind in {"document", "search_result"}:
        _document(found, block, path, call)
    elif kind in {"tool_use", "server_tool_use", "mcp_tool_use"}:
        found.walk(Part.ASSISTANT, block.get("input"), (*path, "input"))
    elif isinstance(block.get("text"), str):
        found.add(part, block["text"], (*path, "text"), call=call)
    elif kind not in UNREAD:
        found.walk(part, block.get("content"), (*path, "content"), call=call)


def _result(found: Gathered, block: Mapping[str, Any], path: Path, kind: str) -> None:
    call, value = text(block.get("tool_use_id")), block.get("content")
    place = (*path, "content")
    if isinstance(value, str | list) and kind not in SEALED:
        blocks(found, Part.TOOL_RESULT, value, place, call=call)
    else:
        found.walk(Part.TOOL_RESULT, value, place, call=call, fixed=kind in SEALED)


def _document(found: Gathered, block: Mapping[str, Any], path: Path, call: str) -> None:
    """Read a document or a search result: whoever wrote it, it was not the user."""
    for name in ("title", "context"):
        found.add(Part.TOOL_RESULT, block.get(name), (*path, name), call=call)
    blocks(found, Part.TOOL_RESULT, block.get("content"), (*path, "content"), call=call)
    source = members(block.get("source"))
    match source.get("type"):
        case "text":
            found.add(Part.TOOL_RESULT, source.get("data"), (*path, "source", "data"), call=call)
        case "content":
            inner = (*path, "source", "content")
            blocks(found, Part.TOOL_RESULT, source.get("content"), inner, call=call)
        case "base64":
            place = (*path, "source", "data")
            inline(found, source.get("media_type"), source.get("data"), place, call)
        case None:
            pass
        case _:
            found.skip()
