"""Texts of Gemini Live: a client's messages on its WebSocket.

Source: https://ai.google.dev/api/live (2026-08): ``setup`` with the system's words, turns of
content, answers of functions, and what the user types while talking. Members are spelled in camel
case or with underscores.
"""

from typing import Any

from leash_addon.core.part import Part
from leash_addon.wire.texts import chat, gemini
from leash_addon.wire.texts.gathered import Gathered, members
from leash_addon.wire.texts.text import Path


def setup(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read how a session is set up."""
    said = members(value)
    for name in ("systemInstruction", "system_instruction"):
        gemini.system(found, said.get(name), (*path, name))
    chat.tools(found, said.get("tools"), (*path, "tools"))


def content(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read turns: one, or several."""
    for place, turn in _each(members(value).get("turns"), (*path, "turns")):
        gemini.turn(found, turn, place)


def answers(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read what functions have answered."""
    for name in ("functionResponses", "function_responses"):
        for place, said in _each(members(value).get(name), (*path, name)):
            gemini.answer(found, members(said), place)


def typed(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read what the user types; sound and pictures are counted."""
    said = members(value)
    found.add(Part.USER, said.get("text"), (*path, "text"))
    media = ("audio", "video", "mediaChunks", "media_chunks")
    found.skipped += any(name in said for name in media)


def _each(value: object, path: Path) -> list[tuple[Path, object]]:
    """Return an array's elements with their places, or the one value that stands there."""
    if isinstance(value, list):
        return [((*path, index), each) for index, each in enumerate(value)]
    return [] if value is None else [(path, value)]
