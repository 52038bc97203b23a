"""Texts of Bedrock's Converse: blocks that are told by their one member.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
(2025-11).
"""

from typing import Any, Final

from leash_addon.core.part import Part
from leash_addon.wire.texts.chat import ROLES
from leash_addon.wire.texts.gathered import Gathered, Json, elements, members, text
from leash_addon.wire.texts.text import Path

MEDIA: Final = ("image", "video", "audio")


def message(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read one message."""
    said = members(value)
    part = ROLES.get(text(said.get("role")).lower(), Part.USER)
    place = (*path, "content")
    if isinstance(said.get("content"), str):
        found.add(part, said["content"], place)
    for index, each in enumerate(elements(said.get("content"))):
        _block(found, part, members(each), (*path, "content", index), "")


def system(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read one block of the system's words."""
    if isinstance(value, str):
        found.add(Part.SYSTEM, value, path)
    _block(found, Part.SYSTEM, members(value), path, "")


def _block(found: Gathered, part: Part, block: Json, path: Path, call: str) -> None:
    found.add(part, block.get("text"), (*path, "text"), call=call)
    found.walk(Part.TOOL_RESULT, block.get("json"), (*path, "json"), call=call)
    guarded = members(members(block.get("guardContent")).get("text"))
    found.add(part, guarded.get("text"), (*path, "guardContent", "text", "text"), call=call)
    found.walk(
        Part.ASSISTANT, members(block.get("toolUse")).get("input"), (*path, "toolUse", "input")
    )
    for name in MEDIA:
        found.skipped += name in block
    for name in ("document", "searchResult"):
        _document(found, members(block.get(name)), (*path, name), call)
    _result(found, members(block.get("toolResult")), (*path, "toolResult"))


def _result(found: Gathered, result: Json, path: Path) -> None:
    call = text(result.get("toolUseId"))
    for index, each in enumerate(elements(result.get("content"))):
        _block(found, Part.TOOL_RESULT, members(each), (*path, "content", index), call)


def _document(found: Gathered, document: Json, path: Path, call: str) -> None:
    """Read a document or a search result: whoever wrote it, it was not the user."""
    for name in ("title", "context"):
        found.add(Part.TOOL_RESULT, document.get(name), (*path, name), call=call)
    source = members(document.get("source"))
    found.add(Part.TOOL_RESULT, source.get("text"), (*path, "source", "text"), call=call)
    found.skipped += "bytes" in source or "s3Location" in source
    for place, value in (
        ((*path, "source", "content"), source.get("content")),
        ((*path, "content"), document.get("content")),
    ):
        for index, each in enumerate(elements(value)):
            inner = members(each).get("text")
            found.add(Part.TOOL_RESULT, inner, (*place, index, "text"), call=call)
