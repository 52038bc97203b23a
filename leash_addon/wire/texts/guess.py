"""Texts of requests whose format is not known, or that carry another's: read by their blocks."""

from typing import Any

from leash_addon.wire.texts import anthropic, chat, converse
from leash_addon.wire.texts.gathered import Gathered, elements, members, text
from leash_addon.wire.texts.text import Path


def message(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read a message as the format whose blocks it has; Bedrock's invoke carries several."""
    kinds = {text(members(each).get("type")) for each in elements(members(value).get("content"))}
    if kinds == {""}:
        converse.message(found, value, path)
    elif any(_is_anthropic(kind) for kind in kinds) and not _is_cohere(value):
        anthropic.message(found, value, path)
    else:
        chat.message(found, value, path)


def _is_anthropic(kind: str) -> bool:
    return kind.endswith((anthropic.ENDS, "tool_use", "search_result", "document"))


def _is_cohere(value: object) -> bool:
    return any("document" in members(each) for each in elements(members(value).get("content")))
