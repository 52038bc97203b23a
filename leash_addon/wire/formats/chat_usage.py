"""The usage object of chat completions: one table for all dialects, and what they count outside.

Source: recorded answers of some thirty providers, checked against the costs that xAI, OpenRouter
and Perplexity state themselves (2026-08). A total tells whether reasoning or audio is inside.
"""

from dataclasses import replace
from typing import Final

from leash_addon.core.usage import Usage
from leash_addon.wire.formats.numbers import Json, amount, at, count
from leash_addon.wire.formats.seen import Seen
from leash_addon.wire.formats.table import UsageTable, plus

CHAT: Final = UsageTable(
    input=("prompt_tokens", "input_tokens"),
    output=("completion_tokens", "output_tokens"),
    total=("total_tokens",),
    cache_read=(
        "prompt_tokens_details.cached_tokens",
        "prompt_token_details.cached_tokens",
        "input_tokens_details.cached_tokens",
        "cached_tokens",
        "num_cached_tokens",
        "prompt_cache_hit_tokens",
        "cache_read_input_tokens",
    ),
    cache_write=("prompt_tokens_details.cache_write_tokens", "cache_creation_input_tokens"),
    reasoning=(
        "completion_tokens_details.reasoning_tokens",
        "output_tokens_details.reasoning_tokens",
        "reasoning_tokens",
    ),
    input_audio=("prompt_tokens_details.audio_tokens",),
    output_audio=("completion_tokens_details.audio_tokens",),
    input_image=("prompt_tokens_details.image_tokens",),
    output_image=("completion_tokens_details.image_tokens",),
    cost=("cost", "cost.total_cost", "pydantic_ai_gateway.cost_estimate"),
    ticks=("cost_in_usd_ticks",),
    tools=(
        ("web_search", "server_tool_use_details.web_search_requests"),
        ("tool_calls_executed", "server_tool_use_details.tool_calls_executed"),
    ),
)

THINKS_UNSEEN: Final = frozenset({"gemini"})
"""Dialects whose total holds thinking that no other count names."""


def meant(table: UsageTable, node: Json, dialect: str, seen: Seen) -> Usage:
    """Read a chat usage object and undo what providers count outside their totals."""
    usage = table.read(node)
    total = count(node, table.total)
    usage = _fill(usage, total)
    usage = _whole_input(usage, total, seen)
    usage = _whole_output(usage, total, dialect, seen)
    if (usage.cache_read_tokens or 0) > (usage.input_tokens or 0):
        seen.note("more cached than input tokens reported")
    return _whole_cost(usage, node, seen)


def _fill(usage: Usage, total: int | None) -> Usage:
    """Completions leave out an output of none, Voyage the input: the total has it."""
    given, made = usage.input_tokens, usage.output_tokens
    if total is None:
        return usage
    if given is None:
        return replace(usage, input_tokens=max(0, total - (made or 0)), output_tokens=made or 0)
    if made is None:
        return replace(usage, output_tokens=max(0, total - given))
    return usage


def _whole_input(usage: Usage, total: int | None, seen: Seen) -> Usage:
    """Mistral's Voxtral keeps audio outside the prompt."""
    audio = usage.input_audio_tokens
    spoken = plus(usage.input_tokens, usage.output_tokens)
    if not audio or spoken is None or total != spoken + audio:
        return usage
    seen.note("audio tokens outside the prompt tokens")
    return replace(usage, input_tokens=plus(usage.input_tokens, audio))


def _whole_output(usage: Usage, total: int | None, dialect: str, seen: Seen) -> Usage:
    """Grok keeps reasoning outside the completion; Gemini hides it in the total."""
    spoken = plus(usage.input_tokens, usage.output_tokens)
    if total is None or spoken is None or total <= spoken:
        return usage
    if usage.reasoning_tokens and total == spoken + usage.reasoning_tokens:
        seen.note("reasoning tokens outside the completion tokens")
        return replace(usage, output_tokens=total - (usage.input_tokens or 0))
    if dialect in THINKS_UNSEEN:
        seen.note("thinking tokens only in the total")
        return replace(usage, output_tokens=total - (usage.input_tokens or 0))
    return usage


def _whole_cost(usage: Usage, node: Json, seen: Seen) -> Usage:
    """Add the bill that a gateway states beside its fee when it was called with an own key."""
    cost = usage.provider_cost_usd
    upstream = amount(node, ("cost_details.upstream_inference_cost", "market_cost"))
    if cost is None or not upstream:
        return usage
    if at(node, "is_byok") is True:
        seen.note("own key at the gateway: its fee and the upstream cost")
        return replace(usage, provider_cost_usd=cost + upstream)
    if cost == 0:
        seen.note("the gateway bills nothing: upstream cost")
        return replace(usage, provider_cost_usd=upstream)
    return usage
