"""Texts of Gemini and Vertex: parts, and what functions have answered.

Source: https://ai.google.dev/api/caching#Content (2025-11). Members are spelled in camel case or,
as some libraries send them, with underscores.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from leash_addon.core.part import Part
from leash_addon.wire.texts.gathered import Gathered, Json, elements, members, text
from leash_addon.wire.texts.inline import inline
from leash_addon.wire.texts.text import Path

ROLES: Final[Mapping[str, Part]] = MappingProxyType(
    {"model": Part.ASSISTANT, "function": Part.TOOL_RESULT, "system": Part.SYSTEM}
)


def turn(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read one of the contents; a bare string is the user's."""
    if isinstance(value, str):
        found.add(Part.USER, value, path)
        return
    said = members(value)
    _parts(found, ROLES.get(text(said.get("role")).lower(), Part.USER), said, path)


def system(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read the system's words."""
    if isinstance(value, str):
        found.add(Part.SYSTEM, value, path)
        return
    _parts(found, Part.SYSTEM, members(value), path)


def _parts(found: Gathered, part: Part, said: Json, path: Path) -> None:
    value = said.get("parts")
    single = isinstance(value, dict)
    for index, each in enumerate([value] if single else elements(value)):
        place = (*path, "parts") if single else (*path, "parts", index)
        _part(found, part, members(each), place)


def _part(found: Gathered, part: Part, said: Json, path: Path) -> None:
    if said.get("thought") is not True or part is not Part.ASSISTANT:
        found.add(part, said.get("text"), (*path, "text"))
    for name, inner in said.items():
        match name:
            case "functionResponse" | "function_response":
                answer(found, members(inner), (*path, name))
            case "functionCall" | "function_call":
                found.walk(Part.ASSISTANT, members(inner).get("args"), (*path, name, "args"))
            case "codeExecutionResult" | "code_execution_result":
                output = members(inner).get("output")
                found.add(Part.TOOL_RESULT, output, (*path, name, "output"))
            case "executableCode" | "executable_code":
                found.add(Part.ASSISTANT, members(inner).get("code"), (*path, name, "code"))
            case "inlineData" | "inline_data":
                _file(found, members(inner), (*path, name))
            case "fileData" | "file_data":
                found.skip()
            case _:
                pass


def answer(found: Gathered, said: Json, path: Path) -> None:
    """Read what a function has answered."""
    tool, call = text(said.get("name")), text(said.get("id"))
    place = (*path, "response")
    found.walk(Part.TOOL_RESULT, said.get("response"), place, call=call, tool=tool)
    for index, each in enumerate(elements(said.get("parts"))):
        for name in ("inlineData", "inline_data"):
            if name in members(each):
                at = (*path, "parts", index, name)
                _file(found, members(each[name]), at, call, tool)


def _file(found: Gathered, said: Json, path: Path, call: str = "", tool: str = "") -> None:
    kind = said.get("mimeType") or said.get("mime_type")
    inline(found, kind, said.get("data"), (*path, "data"), call, tool)
