"""Bedrock's Converse, whole and streamed, and Amazon Nova's own shape, which is the same.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html
(2026-08). ``inputTokens`` leaves out cached tokens. Every cache count may come under two names;
the first that is there counts. Guardrails report policy units elsewhere, which are no tokens.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from leash_addon.core.reading import Reading
from leash_addon.core.usage import Usage
from leash_addon.wire.event import Event
from leash_addon.wire.formats.numbers import Json, at, count, decode, objects, text
from leash_addon.wire.formats.seen import Seen
from leash_addon.wire.formats.table import UsageTable, plus

CONVERSE: Final = UsageTable(
    input=("inputTokens", "inputTokenCount"),
    output=("outputTokens", "outputTokenCount"),
    cache_read=("cacheReadInputTokens", "cacheReadInputTokenCount"),
    cache_write=("cacheWriteInputTokens", "cacheWriteInputTokenCount"),
    tools=(
        ("web_search", "serverToolUsage.webSearchRequests"),
        ("web_search", "serverToolUsage.web_search_requests"),
    ),
)
LIFETIMES: Final = (("5m", "cache_write_5m_tokens"), ("1h", "cache_write_1h_tokens"))


class ConverseMeter:
    """Meters Converse and ConverseStream."""

    def __init__(self) -> None:
        """Begin before ``messageStart``."""
        self.seen = Seen()
        self.usage: Json = None
        self._said = 0

    @property
    def complete(self) -> bool:
        """Tell whether the metadata, which comes last, or a whole body came."""
        return self.seen.complete

    def on_event(self, event: Event, *, whole: bool = False) -> None:
        """Take one event (named by the event stream, or wrapped in its name), or a whole body."""
        node = decode(event.data)
        if not isinstance(node, Mapping):
            self.seen.note("an event that is no JSON object")
            return
        if event.name and "xception" in event.name:
            self.seen.fail(event.name)
            return
        self.take(node)
        if whole and self.seen.error is None:
            self.seen.complete = True

    def on_end(self) -> None:
        """Nothing: only the metadata event says that the answer was whole."""

    def reading(self) -> Reading:
        """Return the usage of the metadata."""
        found = isinstance(self.usage, Mapping) and self.usage
        return self.seen.reading(meant(self.usage) if found else None)

    def take(self, node: Mapping[str, Json]) -> None:
        """Read one decoded event or body."""
        for path in ("metadata.usage", "usage"):
            found = at(node, path)
            if isinstance(found, Mapping) and found:
                self.usage = found
                self.seen.complete = True
        if tier := text(node, ("serviceTier.type", "metadata.serviceTier.type")):
            self.seen.say(tier=tier)
        if "__type" in node or set(node) == {"message"}:
            self.seen.fail(node)
        self._read_text(node)

    def _read_text(self, node: Json) -> None:
        reply = self.seen.reply
        for path in ("delta", "contentBlockDelta.delta"):
            if piece := text(node, (f"{path}.text",)):
                reply.text(piece)
            if piece := text(node, (f"{path}.toolUse.input",)):
                reply.call(self._said, arguments=piece)
            if piece := text(node, (f"{path}.reasoningContent.text",)):
                reply.seen(piece)
        for path in ("start.toolUse.name", "contentBlockStart.start.toolUse.name"):
            if name := text(node, (path,)):
                self._said += 1
                reply.call(self._said, name)
        for block in objects(node, "output.message.content"):
            if piece := text(block, ("text",)):
                reply.text(piece)
            if name := text(block, ("toolUse.name",)):
                self._said += 1
                reply.call(self._said, name, at(block, "toolUse.input") or None)


def meant(node: Json) -> Usage:
    """Read a TokenUsage: cached tokens join the input; writes are split by their lifetime."""
    usage = CONVERSE.read(node)
    whole = plus(usage.input_tokens, usage.cache_read_tokens, usage.cache_write_tokens)
    details = objects(node, "cacheDetails")
    split = {
        field: plus(*(count(row, ("inputTokens",)) for row in details if row.get("ttl") == ttl))
        for ttl, field in LIFETIMES
    }
    return replace(
        usage,
        input_tokens=whole,
        cache_write_5m_tokens=split["cache_write_5m_tokens"],
        cache_write_1h_tokens=split["cache_write_1h_tokens"],
    )
