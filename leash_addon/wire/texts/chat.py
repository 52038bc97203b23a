"""Texts of chat messages: OpenAI, Azure, Mistral, Ollama, Cohere and all who took their shape.

Sources: https://platform.openai.com/docs/api-reference/chat/create, docs.mistral.ai/api,
docs.ollama.com/api, docs.cohere.com/reference/chat (2025-11).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from leash_addon.core.part import Part
from leash_addon.wire.texts.gathered import Gathered, Json, elements, members, text
from leash_addon.wire.texts.inline import inline
from leash_addon.wire.texts.text import Path

ROLES: Final[Mapping[str, Part]] = MappingProxyType(
    {
        "system": Part.SYSTEM,
        "developer": Part.SYSTEM,
        "assistant": Part.ASSISTANT,
        "chatbot": Part.ASSISTANT,
        "tool": Part.TOOL_RESULT,
        "function": Part.TOOL_RESULT,
    }
)
"""By role in lower case; whoever is not named here is taken for the user."""

MEDIA: Final = frozenset(
    {
        "image_url",
        "input_audio",
        "image",
        "audio",
        "video",
        "video_url",
        "input_image",
        "image_file",
    }
)
UNREAD: Final = frozenset({"thinking", "redacted_thinking", "reasoning", "reference"})
"""Blocks that the model wrote for itself, or that only point at others."""


def message(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read one message; a bare string is the user's."""
    if isinstance(value, str):
        found.add(Part.USER, value, path)
        return
    said = members(value)
    part = ROLES.get(text(said.get("role")).lower(), Part.USER)
    call, tool = text(said.get("tool_call_id")), ""
    if part is Part.TOOL_RESULT:
        tool = text(said.get("name")) or text(said.get("tool_name"))
    content(found, part, said.get("content"), (*path, "content"), call=call, tool=tool)
    if "message" in said:
        found.add(part, said["message"], (*path, "message"))
    found.add(Part.ASSISTANT, said.get("refusal"), (*path, "refusal"))
    for _ in elements(said.get("images")):
        found.skip()
    _asked(found, said, path)
    for index, result in enumerate(elements(said.get("tool_results"))):
        outputs(found, result, (*path, "tool_results", index))


def content(
    found: Gathered,
    part: Part,
    value: Any,  # noqa: ANN401 - JSON
    path: Path,
    *,
    call: str = "",
    tool: str = "",
) -> None:
    """Read what a message says: a string, or blocks."""
    if isinstance(value, list):
        for index, inner in enumerate(value):
            _block(found, part, inner, (*path, index), call, tool)
    elif isinstance(value, dict):
        _block(found, part, value, path, call, tool)
    else:
        found.add(part, value, path, call=call, tool=tool)


def _block(  # noqa: PLR0917 - the fields of a text
    found: Gathered, part: Part, value: object, path: Path, call: str, tool: str
) -> None:
    if isinstance(value, str):
        found.add(part, value, path, call=call, tool=tool)
        return
    block = members(value)
    kind = text(block.get("type"))
    if kind in {"file", "input_file"}:
        file = members(block.get("file"))
        place = (*path, "file", "file_data") if file else (*path, "file_data")
        inline(found, "", (file or block).get("file_data"), place, call, tool)
    elif kind in MEDIA:
        found.skip()
    elif kind == "document":
        inner = (*path, "document")
        found.walk(Part.TOOL_RESULT, block.get("document"), inner, call=call, tool=tool)
    elif kind == "refusal":
        found.add(part, block.get("refusal"), (*path, "refusal"))
    elif isinstance(block.get("text"), str):
        found.add(part, block["text"], (*path, "text"), call=call, tool=tool)
    elif kind not in UNREAD:
        found.walk(part, block, path, call=call, tool=tool)


def _asked(found: Gathered, said: Json, path: Path) -> None:
    """Read the arguments of the calls that the assistant made."""
    for index, made in enumerate(elements(said.get("tool_calls"))):
        for kind, member in (("function", "arguments"), ("custom", "input")):
            inner = members(members(made).get(kind)).get(member)
            place = (*path, "tool_calls", index, kind, member)
            found.walk(Part.ASSISTANT, inner, place)
    arguments = members(said.get("function_call")).get("arguments")
    found.add(Part.ASSISTANT, arguments, (*path, "function_call", "arguments"))


def outputs(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read one of Cohere's tool results: ``{call: {name}, outputs: [{...}]}``."""
    result = members(value)
    tool = text(members(result.get("call")).get("name"))
    found.walk(Part.TOOL_RESULT, result.get("outputs"), (*path, "outputs"), tool=tool)


def document(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read a document that the model is to answer from."""
    found.walk(Part.TOOL_RESULT, value, path)


def system(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read the system's words."""
    content(found, Part.SYSTEM, value, path)


def tools(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read what tools are said to be for, their arguments' descriptions included: the system's."""
    found.walk_named(Part.SYSTEM, "description", value, path)


def user(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read a prompt, or one of several."""
    content(found, Part.USER, value, path)


def tool_output(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read what a run of the Assistants API is handed: ``{tool_call_id, output}``."""
    call = text(members(value).get("tool_call_id"))
    found.add(Part.TOOL_RESULT, members(value).get("output"), (*path, "output"), call=call)


def thread(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read the messages of a thread that a run of the Assistants API begins with."""
    for index, each in enumerate(elements(members(value).get("messages"))):
        message(found, each, (*path, "messages", index))
