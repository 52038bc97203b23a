"""Texts of batches: many requests in one call, each with the words of a request of its own.

Sources: https://docs.anthropic.com/en/api/creating-message-batches (``requests[].params``),
https://ai.google.dev/api/batch-api (``batch.inputConfig.requests.requests[].request``), 2026-08.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from leash_addon.wire.texts import anthropic, chat, gemini
from leash_addon.wire.texts.gathered import Gathered, elements, members
from leash_addon.wire.texts.text import Path

READS: Final[Mapping[str, Callable[[Gathered, Any, Path], None]]] = MappingProxyType(
    {
        "system": anthropic.system,
        "messages": anthropic.message,
        "systemInstruction": gemini.system,
        "system_instruction": gemini.system,
        "contents": gemini.turn,
        "tools": chat.tools,
    }
)
INNER: Final = ("params", "request")
INPUT: Final = ("inputConfig", "input_config")


def request(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read one request of a batch."""
    for inner in INNER:
        asked = members(members(value).get(inner))
        for name, read in READS.items():
            place, said = (*path, inner, name), asked.get(name)
            for index, each in enumerate(elements(said)):
                read(found, each, (*place, index))
            if said is not None and not isinstance(said, list):
                read(found, said, place)


def batch(found: Gathered, value: Any, path: Path = ()) -> None:  # noqa: ANN401 - JSON
    """Read a batch of Gemini's."""
    for name in INPUT:
        inner = members(members(members(value).get(name)).get("requests"))
        for index, each in enumerate(elements(inner.get("requests"))):
            request(found, each, (*path, name, "requests", "requests", index))
