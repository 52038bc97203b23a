"""Lowering a request's own limit on output tokens, and nothing else of it.

Every byte but those of the limit stays. What cannot be changed is left alone: a signed body
(Bedrock's formats are never touched; whoever signs otherwise is the caller's to know), an Anthropic
limit that has to stay above the thinking budget, a missing limit that means a short answer.
Sources: the providers' API references (platform.openai.com/docs/api-reference,
docs.anthropic.com/en/api/messages, ai.google.dev/api/generate-content, docs.ollama.com/api,
docs.cohere.com/reference/chat; 2025-06).
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec
from msgspec import Struct

from leash_addon.wire.members import MOST, Member, inserted, members

type Path = tuple[str, ...]

FAULTS = (msgspec.MsgspecError, RecursionError, ValueError)

COMPLETION_TOKENS = frozenset({"openai", "azure", "groq", "cerebras", "xai"})
"""Providers whose chat limit is ``max_completion_tokens``; OpenAI's reasoning models reject the
older ``max_tokens``, which all others know."""


class Place(Struct, frozen=True, kw_only=True):
    """Where a format keeps the limit. ``paths``: every spelling; all that are there are lowered.

    ``asks``: a body with none of these members is no request of this kind. ``add``: where a
    missing limit goes; ``None``: a missing limit means a short answer, and stays missing.
    ``unbounded``: a limit of zero means none, as one below zero does with whoever takes it.
    """

    paths: tuple[Path, ...]
    asks: tuple[str, ...]
    add: Path | None = None
    unbounded: bool = False


CHAT = Place(
    paths=(("max_completion_tokens",), ("max_tokens",)), asks=("messages",), add=("max_tokens",)
)
PLACES: Mapping[str, Place] = MappingProxyType(
    {
        "openai.chat": CHAT,
        "azure.chat": CHAT,
        "openai.completions": Place(paths=(("max_tokens",),), asks=("prompt",)),
        "openai.responses": Place(
            paths=(("max_output_tokens",),),
            asks=("input", "prompt", "previous_response_id", "conversation"),
            add=("max_output_tokens",),
        ),
        "anthropic.messages": Place(paths=(("max_tokens",),), asks=("messages",)),
        "gemini.generate": Place(
            paths=tuple(
                (config, name)
                for config in ("generationConfig", "generation_config")
                for name in ("maxOutputTokens", "max_output_tokens")
            ),
            asks=("contents",),
            add=("generationConfig", "maxOutputTokens"),
        ),
        "ollama.chat": Place(
            paths=(("options", "num_predict"),),
            asks=("messages", "prompt"),
            add=("options", "num_predict"),
            unbounded=True,
        ),
        "cohere.chat": Place(
            paths=(("max_tokens",),), asks=("messages", "message"), add=("max_tokens",)
        ),
    }
)


def floor(body: bytes, *, wire_format: str, path: str = "") -> int | None:
    """Return the lowest output limit that ``clamp`` can write into a request; ``None``: none.

    ``path``: of the URL; ``/responses/compact`` takes no limit. Never raises.
    """
    place = PLACES.get(wire_format)
    if place is None or path.partition("?")[0].rstrip("/").endswith("/compact"):
        return None
    found = _found(body, place, wire_format)
    return None if found is None else found[0]


def clamp(body: bytes, limit: int, *, wire_format: str, provider: str = "") -> bytes | None:
    """Return the request with its output limit at most ``limit``, or ``None`` if that cannot be.

    A request whose limit is low enough comes back as it is. ``provider`` chooses the spelling of a
    limit that has to be added. Never raises.
    """
    place = PLACES.get(wire_format)
    found = None if place is None else _found(body, place, wire_format)
    if place is None or found is None or limit < found[0]:
        return None
    spots = found[1]
    if not spots and place.add is not None:
        return _added(body, _spelling(wire_format, place.add, provider), limit)
    changed = body
    for spot in sorted(spots, key=lambda spot: spot.start, reverse=True):
        value = msgspec.json.decode(body[spot.start : spot.end])
        if value is None or value > limit or value < 0 or (place.unbounded and value == 0):
            changed = changed[: spot.start] + b"%d" % limit + changed[spot.end :]
    return changed


def _found(body: bytes, place: Place, wire_format: str) -> tuple[int, list[Member]] | None:
    """Return the lowest limit that can be written, and where; ``None``: none can."""
    try:
        top = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        spots = _spots(body, place) if any(name in top for name in place.asks) else None
        thinks = wire_format == "anthropic.messages" and "thinking" in top
        thinking = msgspec.json.decode(top["thinking"]) if thinks else None
    except FAULTS:
        return None
    least = _above_thinking(thinking)
    return None if spots is None or least is None else (least, spots)


def _spots(body: bytes, place: Place) -> list[Member] | None:
    """Return where the limit stands; ``None`` when it cannot be changed or may not be added."""
    found: list[Member] = []
    top = members(body)
    if len(top) >= MOST:
        return None
    for member in top:
        for path in place.paths:
            if path[0] != member.name:
                continue
            if len(path) == 1:
                found.append(member)
            elif body[member.start : member.start + 1] == b"{":
                inner = members(body, member.start)
                if len(inner) >= MOST:
                    return None
                found += [one for one in inner if one.name == path[1]]
            elif body[member.start : member.end] != b"null":
                return None
    values = [msgspec.json.decode(body[one.start : one.end]) for one in found]
    if any(
        isinstance(value, bool) or not isinstance(value, int | float | None) for value in values
    ):
        return None
    return found if found or place.add is not None else None


def _added(body: bytes, path: Path, limit: int) -> bytes:
    if len(path) == 1:
        return inserted(body, 0, b'"%s":%d' % (path[0].encode(), limit))
    member = b'"%s":%d' % (path[1].encode(), limit)
    snake = "generation_config" if path[0] == "generationConfig" else path[0]
    for outer in reversed(members(body)):
        if outer.name in (path[0], snake):
            if body[outer.start : outer.end] == b"null":
                return body[: outer.start] + b"{%s}" % member + body[outer.end :]
            return inserted(body, outer.start, member)
    return inserted(body, 0, b'"%s":{%s}' % (path[0].encode(), member))


def _spelling(wire_format: str, path: Path, provider: str) -> Path:
    if wire_format in {"openai.chat", "azure.chat"} and provider in COMPLETION_TOKENS:
        return ("max_completion_tokens",)
    return path


def _above_thinking(thinking: object) -> int | None:
    """Return the least limit that an Anthropic request may have."""
    if not isinstance(thinking, dict) or "budget_tokens" not in thinking:
        return 1
    budget = thinking["budget_tokens"]
    return budget + 1 if type(budget) is int else None
