"""The rows of ``reported``: one per format, with the source of each."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from leash_addon.core.usage import Usage
from leash_addon.wire.formats import gemini
from leash_addon.wire.formats.chat_usage import CHAT
from leash_addon.wire.formats.chat_usage import meant as chat_meant
from leash_addon.wire.formats.numbers import Json, at, count
from leash_addon.wire.formats.reported import Place, by_table, duration
from leash_addon.wire.formats.seen import Seen
from leash_addon.wire.formats.table import UsageTable, plus

IMAGES: Final = UsageTable(
    input=("input_tokens", "prompt_tokens"),
    output=("output_tokens", "completion_tokens"),
    input_image=("input_tokens_details.image_tokens",),
    output_image=("output_tokens_details.image_tokens",),
    cost=("cost",),
    ticks=("cost_in_usd_ticks",),
)
AUDIO: Final = replace(
    CHAT,
    input_audio=("prompt_tokens_details.audio_tokens", "input_token_details.audio_tokens"),
    seconds=("seconds",),
)
INTERACTIONS: Final = UsageTable(
    input=("total_input_tokens",),
    output=("total_output_tokens",),
    cache_read=("total_cached_tokens",),
    reasoning=("total_thought_tokens",),
)
COHERE: Final = UsageTable(
    input=("tokens.input_tokens", "billed_units.input_tokens"),
    output=("tokens.output_tokens", "billed_units.output_tokens"),
    cache_read=("cached_tokens",),
    reasoning=("tokens.reasoning_tokens",),
    tools=(("search_units", "billed_units.search_units"),),
)
BILLED: Final = ("input_tokens", "output_tokens")


def embeddings(node: Json, seen: Seen) -> Usage:
    """Read embeddings' usage: nothing is put out; Voyage gives the total alone."""
    usage = chat_meant(CHAT, node, "", seen)
    return replace(usage, output_tokens=usage.output_tokens or 0)


def audio(node: Json, seen: Seen) -> Usage:
    """Read a transcription's usage: tokens, or a duration that is billed by the second."""
    return duration(node, chat_meant(AUDIO, node, "", seen))


def interactions(node: Json, _seen: Seen) -> Usage:
    """Read Gemini's interactions: thinking and tool results are outside the totals."""
    usage = INTERACTIONS.read(node)
    given = plus(usage.input_tokens, count(node, ("total_tool_use_tokens",)))
    made = plus(usage.output_tokens, usage.reasoning_tokens)
    return replace(usage, input_tokens=given, output_tokens=made)


def embedded(node: Json, _seen: Seen) -> Usage:
    """Read Gemini's embeddings: a prompt and nothing put out."""
    return gemini.meant(node)


def cohere(node: Json, seen: Seen) -> Usage:
    """Read Cohere's meta: tokens hold the hidden preamble, the billed units do not."""
    usage = COHERE.read(node)
    billed = [count(node, (f"billed_units.{name}",)) for name in BILLED]
    if at(node, "tokens") and billed != [usage.input_tokens, usage.output_tokens]:
        seen.note(f"billed units: {billed[0]} in, {billed[1]} out")
    if usage.input_tokens is None:
        return usage
    return replace(usage, output_tokens=usage.output_tokens or 0)


WAITING: Final = frozenset({"queued", "in_progress", "requires_action", "cancelling"})

PLACES: Final[Mapping[str, Place]] = MappingProxyType(
    {
        # https://platform.openai.com/docs/api-reference/embeddings (2026-08); Voyage, Mistral too
        "openai.embeddings": Place(usage=("usage",), meant=embeddings),
        # https://platform.openai.com/docs/api-reference/images (2026-08); xAI gives ticks alone
        "openai.images": Place(
            usage=("usage",),
            meant=by_table(IMAGES),
            end=("type",),
            ends=frozenset({"image_generation.completed", "image_edit.completed"}),
        ),
        # https://platform.openai.com/docs/api-reference/audio (2026-08)
        "openai.audio": Place(
            usage=("usage",),
            meant=audio,
            texts=("text",),
            end=("type",),
            ends=frozenset({"transcript.text.done"}),
        ),
        # https://platform.openai.com/docs/api-reference/runs (2026-08): polls repeat the usage
        "openai.assistants": Place(
            usage=("usage",),
            meant=lambda node, seen: chat_meant(CHAT, node, "", seen),
            end=("status",),
            ends=frozenset({"completed", "incomplete", "failed", "cancelled", "expired"}),
            waits=WAITING,
            steps=frozenset({"thread.run.step", "thread.run.step.delta", "thread.message"}),
        ),
        # https://openrouter.ai/docs/api (2026-08): rerankers bill by search or by cost
        "rerank": Place(usage=("usage", "meta"), meant=by_table(IMAGES)),
        # https://docs.mistral.ai/api/#tag/ocr (2026-08): pages, no tokens
        "mistral.ocr": Place(usage=("usage_info",), meant=by_table(UsageTable())),
        # https://docs.aws.amazon.com/bedrock/latest/APIReference (2026-08): policy units, no tokens
        "bedrock.guardrail": Place(usage=("usage",), meant=by_table(UsageTable())),
        # https://ai.google.dev/api/embeddings (2026-08)
        "gemini.embed": Place(usage=("usageMetadata",), meant=embedded),
        # https://ai.google.dev/api/caching (2026-08): storage by the hour, no price per call
        "gemini.cached": Place(usage=("usageMetadata",), meant=by_table(UsageTable())),
        # https://ai.google.dev/gemini-api/docs/interactions (2026-08)
        "gemini.interactions": Place(
            usage=("interaction.usage", "usage"),
            meant=interactions,
            model=("interaction.model", "model"),
            id=("interaction.id", "id"),
            tier=("interaction.service_tier", "service_tier"),
            texts=("delta.text",),
            end=("interaction.status", "status"),
            ends=frozenset({"completed", "failed", "cancelled", "incomplete"}),
            waits=WAITING,
        ),
        # https://docs.cohere.com/reference/chat and /chat-stream (2026-08), v1 and v2
        "cohere.chat": Place(
            usage=("usage", "delta.usage", "response.meta", "meta"),
            meant=cohere,
            model=("model", "response.model"),
            id=("id", "response_id", "generation_id"),
            texts=("text", "delta.message.content.text"),
            end=("type", "event_type"),
            ends=frozenset({"message-end", "stream-end"}),
        ),
    }
)
