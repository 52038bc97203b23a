"""Bedrock's InvokeModel: every vendor's own body, whole or base64 inside an AWS event stream.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html (2026-08). The
body's own counts come first, then ``amazon-bedrock-invocationMetrics`` of the last chunk, then
the ``x-amzn-bedrock-*-token-count`` headers; a count that an earlier source lacks is filled from
the next. The metrics are not first: at Claude's tool calls they name fewer tokens than are billed.
"""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Final

from leash_addon.core.reading import Reading
from leash_addon.core.usage import Usage
from leash_addon.wire.event import Event
from leash_addon.wire.formats.anthropic import MessagesMeter
from leash_addon.wire.formats.bedrock_converse import ConverseMeter
from leash_addon.wire.formats.bedrock_converse import meant as converse_meant
from leash_addon.wire.formats.numbers import Json, among, as_count, at, count, decode, objects, text
from leash_addon.wire.formats.openai_chat import ChatMeter
from leash_addon.wire.formats.seen import FormatMeter, Seen
from leash_addon.wire.formats.table import UsageTable, plus

OWN: Final = UsageTable(
    input=("inputTextTokenCount", "prompt_token_count"),
    output=("totalOutputTextTokenCount", "generation_token_count"),
)
"""Amazon Titan's and Meta Llama's counts, at the top level of a body or chunk."""

METRICS: Final = "amazon-bedrock-invocationMetrics"
IN_HEADER: Final = "x-amzn-bedrock-input-token-count"
OUT_HEADER: Final = "x-amzn-bedrock-output-token-count"
READ_HEADER: Final = "x-amzn-bedrock-cache-read-input-token-count"
WRITE_HEADER: Final = "x-amzn-bedrock-cache-write-input-token-count"
TEXTS: Final = ("generation", "outputText", "completion", "text", "output_text")
PARTS: Final = (("results", "outputText"), ("generations", "text"), ("outputs", "text"))


class InvokeMeter:
    """Meters InvokeModel, with and without a response stream."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """``headers``: of the answer, in lower case."""
        self.seen = Seen()
        self._headers = headers
        self._inner: FormatMeter | None = None
        self._own: dict[str, Json] = {}
        self._metrics: Json = None

    @property
    def complete(self) -> bool:
        """Tell whether the last chunk or a whole body came."""
        return self.seen.complete or (self._inner is not None and self._inner.complete)

    def on_event(self, event: Event, *, whole: bool = False) -> None:
        """Take a chunk of the event stream, an exception of it, or a whole body."""
        node = decode(event.data)
        if not isinstance(node, Mapping):
            self.seen.note("an event that is no JSON object")
            return
        if event.name and "xception" in event.name:
            self.seen.fail(event.name)
        elif isinstance(packed := node.get("bytes"), str):
            self._unpack(packed)
        else:
            self._take(event.data, node, whole=whole)

    def on_end(self) -> None:
        """Pass the end on."""
        if self._inner is not None:
            self._inner.on_end()

    def reading(self) -> Reading:
        """Return the counts of all sources, the body's first."""
        inner = self._inner.reading() if self._inner else self.seen.reading(None)
        found = [inner.usage, self._own_usage(), self._metric_usage(), self._header_usage()]
        usages = [usage for usage in found if usage is not None]
        usage = _filled(usages) if usages else None
        return replace(
            inner, usage=usage, complete=self.complete, error=inner.error or self.seen.error
        )

    def _unpack(self, packed: str) -> None:
        try:
            data = b64decode(packed, validate=True)
        except ValueError:
            self.seen.note("a chunk that is no base64")
            return
        node = decode(data)
        if isinstance(node, Mapping):
            self._take(data, node, whole=False)

    def _take(self, data: bytes, node: Mapping[str, Json], *, whole: bool) -> None:
        if METRICS in node:
            self._metrics = node[METRICS]
            self.seen.complete = True
        if self._inner is None:
            self._inner = _vendor(node)
        if self._inner is not None:
            self._inner.on_event(Event(None, data), whole=whole)
        else:
            self._take_own(node, whole=whole)

    def _take_own(self, node: Mapping[str, Json], *, whole: bool) -> None:
        """Titan, Llama, old Claude, Cohere, Mistral: counts at the top level, or nowhere."""
        results = [count(row, ("tokenCount",)) for row in objects(node, "results")]
        said = {path: node.get(path) for path in (*OWN.input, *OWN.output)}
        said["totalOutputTextTokenCount"] = said["totalOutputTextTokenCount"] or plus(*results)
        self._own.update({key: value for key, value in said.items() if value is not None})
        for piece in (text(node, (path,)) for path in TEXTS):
            if piece:
                self.seen.reply.text(piece)
        for path, key in PARTS:
            for row in objects(node, path):
                self.seen.reply.text(text(row, (key,)) or "")
        if "message" in node and len(node) == 1:
            self.seen.fail(node)
        self.seen.complete = self.seen.complete or (whole and self.seen.error is None)

    def _own_usage(self) -> Usage | None:
        return OWN.read(self._own) if self._own else None

    def _metric_usage(self) -> Usage | None:
        return converse_meant(self._metrics) if isinstance(self._metrics, Mapping) else None

    def _header_usage(self) -> Usage | None:
        """Read the headers; embeddings have one for the input alone, and put nothing out."""
        given = as_count(self._headers.get(IN_HEADER))
        if given is None:
            return None
        read = as_count(self._headers.get(READ_HEADER))
        write = as_count(self._headers.get(WRITE_HEADER))
        return Usage(
            input_tokens=plus(given, read, write),
            output_tokens=as_count(self._headers.get(OUT_HEADER)) or 0,
            cache_read_tokens=read,
            cache_write_tokens=write,
        )


def _vendor(node: Mapping[str, Json]) -> FormatMeter | None:
    """Tell by the first body or chunk whose format it is; ``None`` for the plain ones."""
    if among(node.get("type"), ("message", "message_start")):
        return MessagesMeter()
    if "messageStart" in node or at(node, "output.message") is not None:
        return ConverseMeter()
    return ChatMeter("bedrock") if "choices" in node else None


def _filled(usages: list[Usage]) -> Usage:
    """Take each count from the first source that has it."""
    first, *others = usages
    for other in others:
        missing = {
            field.name: getattr(other, field.name)
            for field in fields(Usage)
            if getattr(first, field.name) is None
        }
        first = replace(first, **missing)
    return first
