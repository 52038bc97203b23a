"""Texts of OpenAI's Realtime: a client's messages on its WebSocket.

``session.update`` brings the system's words, ``conversation.item.create`` an item, and
``response.create`` both, for one response. Source:
https://platform.openai.com/docs/api-reference/realtime-client-events (2026-08).
"""

from typing import Any

from leash_addon.wire.texts import chat, responses
from leash_addon.wire.texts.gathered import Gathered, elements, members
from leash_addon.wire.texts.text import Path


def session(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read how a session is set up."""
    said = members(value)
    responses.instructions(found, said.get("instructions"), (*path, "instructions"))
    responses.prompt(found, said.get("prompt"), (*path, "prompt"))
    chat.tools(found, said.get("tools"), (*path, "tools"))


def response(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read what one response is to answer, where that is not the conversation."""
    session(found, value, path)
    for index, each in enumerate(elements(members(value).get("input"))):
        responses.item(found, each, (*path, "input", index))
