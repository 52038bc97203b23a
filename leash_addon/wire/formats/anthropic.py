"""Anthropic's messages: at the API, at Vertex (rawPredict) and inside Bedrock's chunks.

Source: https://docs.anthropic.com/en/api/messages-streaming (2026-08). ``input_tokens`` leaves out
cached tokens. ``message_delta`` restates some of ``message_start``'s counts with later values, so
its members replace the earlier ones; what it does not restate (the split of cache writes by
lifetime) stays. ``iterations`` are the passes that are billed; the top level leaves some out.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from leash_addon.core.reading import Reading
from leash_addon.core.usage import Leg, Usage
from leash_addon.wire.event import Event
from leash_addon.wire.formats.numbers import Json, among, decode, objects, present, text
from leash_addon.wire.formats.seen import Seen
from leash_addon.wire.formats.table import UsageTable, plus

MESSAGES: Final = UsageTable(
    input=("input_tokens",),
    output=("output_tokens",),
    cache_read=("cache_read_input_tokens",),
    cache_write=("cache_creation_input_tokens",),
    cache_write_5m=("cache_creation.ephemeral_5m_input_tokens",),
    cache_write_1h=("cache_creation.ephemeral_1h_input_tokens",),
    reasoning=("output_tokens_details.thinking_tokens",),
    tools=(
        ("web_search", "server_tool_use.web_search_requests"),
        ("web_fetch", "server_tool_use.web_fetch_requests"),
        ("code_execution", "server_tool_use.code_execution_requests"),
        ("tool_search", "server_tool_use.tool_search_requests"),
    ),
)


class Block(Struct, gc=False):
    """A content block, or the start of one."""

    type: Any = None
    text: Any = None
    name: Any = None
    input: Any = None


class Delta(Struct, gc=False):
    """A piece of a content block."""

    text: Any = None
    partial_json: Any = None
    thinking: Any = None


class Message(Struct, gc=False):
    """What ``message_start`` says of the message."""

    id: Any = None
    model: Any = None
    usage: Raw | UnsetType = UNSET


class Part(Struct, gc=False):
    """One event, or a whole message."""

    type: Any = None
    index: Any = 0
    message: Message | UnsetType = UNSET
    delta: Delta | None = None
    content_block: Block | None = None
    usage: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    id: Any = None
    model: Any = None
    content: list[Block] | None = None


class Loose(Struct, gc=False):
    """The same without content, for an event whose content has another shape."""

    type: Any = None
    usage: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    id: Any = None
    model: Any = None


_PART: Final = msgspec.json.Decoder(Part)
_LOOSE: Final = msgspec.json.Decoder(Loose)
CALLS: Final = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})


class MessagesMeter:
    """Meters a message, whole or streamed."""

    def __init__(self) -> None:
        """Begin before ``message_start``."""
        self.seen = Seen()
        self._usage: dict[str, Json] | None = None

    @property
    def complete(self) -> bool:
        """Tell whether ``message_stop`` or a whole message came."""
        return self.seen.complete

    def on_event(self, event: Event, *, whole: bool = False) -> None:
        """Take one event of the stream, or the whole message."""
        if event.name == "ping":
            return
        try:
            part: Part | Loose = _PART.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            try:
                part = _LOOSE.decode(event.data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                if event.data.strip() not in {b"", b"[DONE]"}:
                    self.seen.note("an event that is no JSON object")
                return
        self._take(part)
        if part.type == "message_stop" or (whole and self.seen.error is None):
            self.seen.complete = True

    def on_end(self) -> None:
        """Nothing: only ``message_stop`` says that the answer was whole."""

    def reading(self) -> Reading:
        """Return the merged usage with its legs."""
        node = self._usage
        return self.seen.reading(None if node is None else meant(node))

    def _take(self, part: Part | Loose) -> None:
        if part.usage is not UNSET:
            self._merge(part.usage)
        if present(part.error):
            self.seen.fail(decode(part.error))
        self.seen.say(model=part.model, answer=part.id)
        if isinstance(part, Loose):
            return
        if part.message is not UNSET:
            self.seen.say(model=part.message.model, answer=part.message.id)
            if part.message.usage is not UNSET:
                self._merge(part.message.usage)
        if part.delta is not None:
            self._read_delta(part.delta, part.index)
        if part.content_block is not None:
            self._read_block(part.content_block, part.index)
        for index, block in enumerate(part.content or ()):
            self._read_block(block, index)

    def _merge(self, raw: Raw) -> None:
        later = decode(raw)
        if not isinstance(later, Mapping) or not later:
            return
        said = {key: value for key, value in later.items() if value is not None}
        self._usage = {**(self._usage or {}), **said}
        self.seen.say(tier=said.get("service_tier"))
        if said.get("speed") == "fast":
            self.seen.say(tier="fast")

    def _read_delta(self, delta: Delta, index: Json) -> None:
        reply = self.seen.reply
        if isinstance(delta.text, str):
            reply.text(delta.text)
        elif isinstance(delta.partial_json, str):
            reply.call(str(index), arguments=delta.partial_json)
        elif isinstance(delta.thinking, str):
            reply.seen(delta.thinking)

    def _read_block(self, block: Block, index: Json) -> None:
        """Read a block; the start of a streamed tool call has an empty input."""
        if isinstance(block.text, str) and block.text:
            self.seen.reply.text(block.text)
        if among(block.type, CALLS):
            name = block.name if isinstance(block.name, str) else None
            self.seen.reply.call(str(index), name, block.input or None)


def meant(node: Json) -> Usage:
    """Read one usage object: cached tokens join the input, iterations become legs."""
    usage = _with_cache(MESSAGES.read(node))
    return replace(usage, billable_legs=tuple(_leg(leg) for leg in objects(node, "iterations")))


def _with_cache(usage: Usage) -> Usage:
    whole = plus(usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
    return replace(usage, input_tokens=whole)


def _leg(node: Json) -> Leg:
    usage = _with_cache(MESSAGES.read(node))
    return Leg(model=text(node, ("model",)), usage=usage, kind=text(node, ("type",)))
