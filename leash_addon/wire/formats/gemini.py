"""Google's generateContent: at the Gemini API and at Vertex, whole, as SSE and as a JSON array.

Source: https://ai.google.dev/api/generate-content#UsageMetadata (2026-08). Every chunk has sums so
far and the last one holds, also where a count went down. Thinking is outside the candidates'
count, tool results outside the prompt's. Vertex writes enums as numbers in some clients.
"""

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from leash_addon.core.reading import Reading
from leash_addon.core.usage import Usage
from leash_addon.wire.event import Event
from leash_addon.wire.formats.numbers import Json, at, count, decode, objects, present
from leash_addon.wire.formats.seen import Seen
from leash_addon.wire.formats.table import UsageTable, plus

GENERATE: Final = UsageTable(
    input=("promptTokenCount",),
    output=("candidatesTokenCount", "responseTokenCount"),
    total=("totalTokenCount",),
    cache_read=("cachedContentTokenCount",),
    reasoning=("thoughtsTokenCount",),
)
CACHE_DETAILS: Final = ("cacheTokensDetails",)
PROMPT_DETAILS: Final = ("promptTokensDetails", "promptTokenDetails", "prompt_tokens_details")
OUTPUT_DETAILS: Final = ("candidatesTokensDetails", "responseTokensDetails")
TOOL_PROMPT: Final = ("toolUsePromptTokenCount",)

AUDIO: Final = frozenset({"AUDIO", "4"})
IMAGE: Final = frozenset({"IMAGE", "DOCUMENT", "2", "5"})
"""Modalities by name, and by number as some clients ask for enums; a document counts as images."""


class Call(Struct, gc=False):
    """A function call."""

    name: Any = None
    args: Any = None


class Piece(Struct, rename="camel", gc=False):
    """A part of the content."""

    text: Any = None
    thought: Any = None
    function_call: Call | None = None


class Content(Struct, gc=False):
    """The content of a candidate."""

    parts: list[Piece] | None = None


class Candidate(Struct, rename="camel", gc=False):
    """One candidate, or a piece of one."""

    index: Any = 0
    content: Content | None = None
    finish_reason: Any = None
    grounding_metadata: Any = None


class Chunk(Struct, rename="camel", gc=False):
    """An answer, or one chunk of it."""

    candidates: list[Candidate] | None = None
    usage_metadata: Raw | UnsetType = UNSET
    model_version: Any = None
    response_id: Any = None
    prompt_feedback: Any = None
    error: Raw | UnsetType = UNSET
    response: Raw | UnsetType = UNSET


class Loose(Struct, rename="camel", gc=False):
    """The same without content, for a chunk whose content has another shape."""

    usage_metadata: Raw | UnsetType = UNSET
    model_version: Any = None
    response_id: Any = None
    error: Raw | UnsetType = UNSET


_CHUNK: Final = msgspec.json.Decoder(Chunk)
_LOOSE: Final = msgspec.json.Decoder(Loose)


class GenerateMeter:
    """Meters generateContent and streamGenerateContent."""

    def __init__(self) -> None:
        """Begin before the first chunk."""
        self.seen = Seen()
        self._usage: bytes | None = None
        self._finished = False
        self._queries = 0
        self._calls = 0

    @property
    def complete(self) -> bool:
        """Tell whether a finish reason came and the body ended after it."""
        return self.seen.complete

    def on_event(self, event: Event, *, whole: bool = False) -> None:
        """Take a chunk, or a whole answer; ``response`` wraps both at Code Assist."""
        try:
            chunk: Chunk | Loose = _CHUNK.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            try:
                chunk = _LOOSE.decode(event.data)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                if event.data.strip() not in {b"", b"[DONE]"}:
                    self.seen.note("an event that is no JSON object")
                return
        if isinstance(chunk, Chunk) and chunk.response is not UNSET:
            inner = Event(event.name, bytes(chunk.response))
            if b'"response"' not in inner.data[:64]:
                self.on_event(inner, whole=whole)
            return
        self._take(chunk)
        if whole and self.seen.error is None:
            self.seen.complete = True

    def on_end(self) -> None:
        """Take the end of the stream after a finish reason as the end of the answer."""
        if self._finished:
            self.seen.complete = True

    def reading(self) -> Reading:
        """Return the last usage."""
        node = decode(self._usage) if self._usage is not None else None
        if not isinstance(node, dict):
            return self.seen.reading(None)
        usage = meant(node)
        self.seen.say(tier=tier(node))
        if self._queries:
            tools = MappingProxyType({"google_search_queries": self._queries})
            usage = replace(usage, server_tool_requests=tools)
        return self.seen.reading(usage)

    def _take(self, chunk: Chunk | Loose) -> None:
        self.seen.say(model=chunk.model_version, answer=chunk.response_id)
        if present(chunk.usage_metadata):
            self._usage = bytes(chunk.usage_metadata)
        if present(chunk.error):
            self.seen.fail(decode(chunk.error))
        if isinstance(chunk, Loose):
            return
        if chunk.prompt_feedback and at(chunk.prompt_feedback, "blockReason"):
            self._finished = True
        for candidate in chunk.candidates or ():
            self._read(candidate)

    def _read(self, candidate: Candidate) -> None:
        self._finished = self._finished or bool(candidate.finish_reason)
        queries = at(candidate.grounding_metadata, "webSearchQueries")
        if isinstance(queries, Sequence) and not isinstance(queries, str):
            self._queries = max(self._queries, len(queries))
        index = candidate.index if isinstance(candidate.index, int) else 0
        for piece in (candidate.content and candidate.content.parts) or ():
            self._read_piece(piece, index)

    def _read_piece(self, piece: Piece, index: int) -> None:
        if isinstance(piece.text, str) and piece.text:
            if piece.thought is True:
                self.seen.reply.seen(piece.text)
            else:
                self.seen.reply.text(piece.text, index)
        if piece.function_call is not None:
            self._calls += 1
            name = piece.function_call.name
            said = name if isinstance(name, str) else None
            self.seen.reply.call(self._calls, said, piece.function_call.args)


def meant(node: Json) -> Usage:
    """Read a usageMetadata object: thinking joins the output, tool results the input."""
    usage = GENERATE.read(node)
    given = plus(usage.input_tokens, count(node, TOOL_PROMPT))
    made = plus(usage.output_tokens, usage.reasoning_tokens)
    if count(node, GENERATE.total) == plus(given, usage.output_tokens):
        made = usage.output_tokens  # Gemini Live counts thinking, and not in its total
    return replace(
        usage,
        input_tokens=given,
        output_tokens=0 if made is None and given is not None else made,
        input_audio_tokens=_modality(node, PROMPT_DETAILS, AUDIO),
        cached_audio_tokens=_modality(node, CACHE_DETAILS, AUDIO),
        input_image_tokens=_modality(node, PROMPT_DETAILS, IMAGE),
        output_audio_tokens=_modality(node, OUTPUT_DETAILS, AUDIO),
        output_image_tokens=_modality(node, OUTPUT_DETAILS, IMAGE),
    )


def tier(node: Json) -> str | None:
    """Return the service tier or traffic type, a number of an enum as text."""
    for path in ("serviceTier", "trafficType"):
        value = at(node, path)
        if value is not None and not isinstance(value, bool):
            return str(value)
    return None


def _modality(node: Json, paths: Sequence[str], wanted: frozenset[str]) -> int | None:
    """Sum the tokens of some modalities; ``None`` where no details were given."""
    details = next((rows for path in paths if (rows := objects(node, path))), None)
    if details is None:
        return None
    return sum(
        count(row, ("tokenCount",)) or 0 for row in details if str(row.get("modality")) in wanted
    )
