"""Where each wire format's request keeps its limits, as tables of paths.

A path is a chain of member names; the first path that leads to a positive whole number counts.
Sources: the providers' API references as of 2025-06 (platform.openai.com/docs/api-reference,
docs.anthropic.com/en/api/messages, ai.google.dev/api/generate-content, docs.aws.amazon.com/bedrock,
docs.ollama.com/api, docs.cohere.com/reference/chat).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from msgspec import UNSET, Raw, Struct, field

type Path = tuple[str, ...]

MOST = 1_000_000_000
"""A count above this is taken for this: every provider rejects it, and sums stay small."""


type Words = list[Raw] | dict[str, Any] | str | float | int | bool | None
"""A member that holds words: of an array each element as the bytes that it came in."""


class Body(Struct):
    """The members of all formats' requests that matter here; the others are skipped, not decoded.

    Every member may be of any type: a wrong one is the provider's to complain about. Those of
    type ``Words`` are for ``wire.texts``, as are those of messages on a WebSocket (from ``item``
    on); the last three are for ``wire.senders``.
    """

    model: Any = None
    model_id: Any = None
    stream: Any = None
    stream_options: Any = UNSET
    n: Any = None
    best_of: Any = None
    generate: Any = None
    max_tokens: Any = None
    max_completion_tokens: Any = None
    max_output_tokens: Any = None
    max_new_tokens: Any = None
    max_tokens_to_sample: Any = None
    max_gen_len: Any = None
    inference_config: Any = field(name="inferenceConfig", default=None)
    text_config: Any = field(name="textGenerationConfig", default=None)
    generation_config: Any = field(name="generationConfig", default=None)
    generation_config_snake: Any = field(name="generation_config", default=None)
    options: Any = None
    request: Raw = Raw()
    tools: Raw = Raw()
    tool_config: Raw = field(name="toolConfig", default=Raw())
    messages: Words = None
    system: Words = None
    instructions: Words = None
    input: Words = None
    inputs: Words = None
    input_text: Words = field(name="inputText", default=None)
    prompt: Words = None
    suffix: Words = None
    contents: Words = None
    system_instruction: Words = field(name="systemInstruction", default=None)
    system_instruction_snake: Words = field(name="system_instruction", default=None)
    message: Words = None
    chat_history: Words = None
    preamble: Words = None
    documents: Words = None
    tool_results: Words = None
    tool_outputs: Words = None
    additional_instructions: Words = None
    additional_messages: Words = None
    thread: Words = None
    items: Words = None
    content: Words = None
    requests: Words = None
    batch: Raw = Raw()
    item: Raw = Raw()
    session: Raw = Raw()
    response: Raw = Raw()
    setup: Raw = Raw()
    client_content: Raw = field(name="clientContent", default=Raw())
    client_content_snake: Raw = field(name="client_content", default=Raw())
    tool_response: Raw = field(name="toolResponse", default=Raw())
    tool_response_snake: Raw = field(name="tool_response", default=Raw())
    realtime_input: Raw = field(name="realtimeInput", default=Raw())
    realtime_input_snake: Raw = field(name="realtime_input", default=Raw())
    metadata: Raw = Raw()
    safety_identifier: Raw = Raw()
    user: Raw = Raw()


class Shape(Struct, frozen=True, kw_only=True):
    """One format's places. ``choices``: the largest of them counts.

    ``streams_unless_denied``: the answer comes in pieces without ``stream: true``.
    ``generates_on_request``: ``generate: false`` asks to warm up only, which is free.
    ``wraps``: Code Assist puts the request itself into a member ``request``.
    ``usage_option``: the format has ``stream_options.include_usage``.
    """

    max_output: tuple[Path, ...] = ()
    choices: tuple[Path, ...] = ()
    streams_unless_denied: bool = False
    generates_on_request: bool = False
    wraps: bool = False
    usage_option: bool = False


CHAT = Shape(
    max_output=(("max_completion_tokens",), ("max_tokens",)),
    choices=(("n",),),
    usage_option=True,
)
GEMINI = Shape(
    max_output=tuple(
        (config, name)
        for config in ("generation_config", "generation_config_snake")
        for name in ("maxOutputTokens", "max_output_tokens")
    ),
    choices=tuple(
        (config, name)
        for config in ("generation_config", "generation_config_snake")
        for name in ("candidateCount", "candidate_count")
    ),
    wraps=True,
)
BEDROCK_INVOKE = Shape(
    max_output=(
        ("max_tokens",),
        ("max_completion_tokens",),
        ("inference_config", "maxTokens"),
        ("inference_config", "max_new_tokens"),
        ("max_new_tokens",),
        ("text_config", "maxTokenCount"),
        ("max_gen_len",),
        ("max_tokens_to_sample",),
    ),
)
OTHER = Shape(
    max_output=(("max_output_tokens",), ("max_completion_tokens",), ("max_tokens",)),
    choices=(("n",),),
)
"""What a format without a row of its own is taken for."""

SHAPES: Mapping[str, Shape] = MappingProxyType(
    {
        "openai.chat": CHAT,
        "azure.chat": CHAT,
        "openai.completions": Shape(
            max_output=(("max_tokens",),), choices=(("best_of",), ("n",)), usage_option=True
        ),
        "openai.responses": Shape(max_output=(("max_output_tokens",),), generates_on_request=True),
        "openai.embeddings": Shape(),
        "anthropic.messages": Shape(max_output=(("max_tokens",),)),
        "gemini.generate": GEMINI,
        "bedrock.invoke": BEDROCK_INVOKE,
        "bedrock.converse": Shape(max_output=(("inference_config", "maxTokens"),)),
        "ollama.chat": Shape(max_output=(("options", "num_predict"),), streams_unless_denied=True),
    }
)

REPORT_UNASKED = frozenset(
    {"cerebras", "cohere", "databricks", "mistral", "perplexity", "together"}
)
"""Dialects that report the usage of a stream without being asked, or reject ``stream_options``."""


def number(body: Body, paths: tuple[Path, ...]) -> int | None:
    """Return the first positive whole number at one of the paths."""
    return next((found for path in paths if (found := _at(body, path)) is not None), None)


def largest(body: Body, paths: tuple[Path, ...]) -> int:
    """Return the largest positive whole number at the paths; 1 where there is none."""
    return max((_at(body, path) or 1 for path in paths), default=1)


def _at(body: Body, path: Path) -> int | None:
    value = getattr(body, path[0])
    for name in path[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return min(value, MOST) if type(value) is int and value > 0 else None
