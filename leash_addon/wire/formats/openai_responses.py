"""OpenAI's responses: whole, streamed, compacted, queued in the background, and read back later.

Source: https://platform.openai.com/docs/api-reference/responses (2026-08). The terminal event
(``response.completed``, ``.incomplete``, ``.failed``) restates the whole response with its usage
and the service tier that holds; earlier events say ``auto`` and ``null``. A queued response is no
bill yet: the bill comes with the retrieval, by the response's id, which the ledger counts once.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from leash_addon.core.reading import Reading
from leash_addon.core.usage import Usage
from leash_addon.wire.event import Event
from leash_addon.wire.formats.numbers import Json, among, decode, objects, present, text
from leash_addon.wire.formats.reply import Reply
from leash_addon.wire.formats.seen import Seen
from leash_addon.wire.formats.table import UsageTable

RESPONSES: Final = UsageTable(
    input=("input_tokens", "prompt_tokens"),
    output=("output_tokens", "completion_tokens"),
    cache_read=("input_tokens_details.cached_tokens",),
    cache_write=("input_tokens_details.cache_write_tokens",),
    reasoning=("output_tokens_details.reasoning_tokens",),
    input_audio=("input_tokens_details.audio_tokens",),
    output_audio=("output_tokens_details.audio_tokens",),
    input_image=("input_tokens_details.image_tokens",),
    output_image=("output_tokens_details.image_tokens",),
    cost=("cost", "cost.total_cost"),
    ticks=("cost_in_usd_ticks",),
    tools=tuple(
        (kind, f"server_side_tool_usage_details.{kind}")
        for kind in (
            "web_search_calls",
            "x_search_calls",
            "code_interpreter_calls",
            "file_search_calls",
            "mcp_calls",
            "document_search_calls",
            "image_generation_calls",
        )
    ),
)

SERVER_TOOLS: Final = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_call",
        "mcp_list_tools",
        "tool_search_call",
        "local_shell_call",
        "shell_call",
        "x_search_call",
    }
)
"""Output items that are work of the server, counted by type; a search also by its action."""

ACTIONS: Final = frozenset({"search", "open_page", "find", "find_in_page"})
CALLS: Final = frozenset({"function_call", "custom_tool_call"})
ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
DONE: Final = frozenset({"completed", "incomplete", "failed", "cancelled"})
WAITING: Final = frozenset({"queued", "in_progress"})


class Response(Struct, gc=False):
    """A response, as it stands in the events and in a plain body."""

    id: Any = None
    object: Any = None
    model: Any = None
    status: Any = None
    service_tier: Any = None
    background: Any = None
    usage: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET
    output: Raw | UnsetType = UNSET
    tool_usage: Raw | UnsetType = UNSET


class Part(Response, gc=False):
    """One event, or a whole response."""

    type: Any = None
    delta: Any = None
    code: Any = None
    response: Response | UnsetType | None = UNSET
    item: Raw | UnsetType = UNSET


_PART: Final = msgspec.json.Decoder(Part)


class ResponsesMeter:
    """Meters a response, whole or streamed."""

    def __init__(self, table: UsageTable | None = None, ends: frozenset[str] = ENDS) -> None:
        """``table``: where the counts are; ``ends``: the types of the terminal events."""
        self.seen = Seen()
        self._table = table or RESPONSES
        self._ends = ends
        self._usage: bytes | None = None
        self._tools: Counter[str] = Counter()
        self._whole: Reply | None = None

    @property
    def complete(self) -> bool:
        """Tell whether a terminal event or a finished response came."""
        return self.seen.complete

    def on_event(self, event: Event, *, whole: bool = False) -> None:
        """Take one event of the stream, or the whole response."""
        data = event.data
        try:
            part = _PART.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if data.strip() not in {b"", b"[DONE]"}:
                self.seen.note("an event that is no JSON object")
            return
        if part.delta is not None:
            self._read_delta(part)
        if part.item is not UNSET and part.type == "response.output_item.done":
            self._read_item(decode(part.item))
        if part.type == "error" or event.name == "error":
            self.seen.fail({"code": part.code} if part.error is UNSET else decode(part.error))
        if isinstance(part.response, Response):
            self._take(part.response, ended=among(part.type, self._ends))
            if part.usage is not UNSET and bytes(part.usage) != b"{}" and present(part.usage):
                self._usage = bytes(part.usage)  # xAI's realtime reports beside the response
        elif whole:
            self._take(part, ended=True)

    def on_end(self) -> None:
        """Nothing: only a terminal event says that the answer was whole."""

    def reading(self) -> Reading:
        """Return the usage of the terminal event."""
        node = decode(self._usage) if self._usage is not None else None
        usage = self._meant(node) if isinstance(node, Mapping) else None
        reading = self.seen.reading(usage)
        if self._whole is None:
            return reading
        size = max(reading.text_bytes, self._whole.text_bytes)
        whole = self._whole
        return replace(reading, reply=whole.fingerprint(), tools=whole.tools(), text_bytes=size)

    def _read_delta(self, part: Part) -> None:
        """Count pieces of text; they are the reply only where no finished item came."""
        if isinstance(part.delta, str):
            if isinstance(part.type, str) and "reasoning" in part.type:
                self.seen.reply.seen(part.delta)
            else:
                self.seen.reply.text(part.delta)

    def _read_item(self, item: Json) -> None:
        if self._whole is None:
            self._whole = Reply()
        _read_output(self._whole, [item])

    def _take(self, response: Response, *, ended: bool) -> None:
        seen = self.seen
        seen.say(model=response.model, tier=response.service_tier, answer=response.id)
        if present(response.usage):
            self._usage = bytes(response.usage)
        if present(response.error):
            seen.fail(decode(response.error))
        if not ended:
            return
        waits = among(response.status, WAITING)
        seen.complete = among(response.status, DONE) or (not waits and seen.error is None)
        if waits and self._usage is None:
            seen.free = True
            seen.note("a background job: its bill comes with its retrieval")
        self._take_output(response)

    def _take_output(self, response: Response) -> None:
        output = decode(response.output) if response.output is not UNSET else None
        items = objects(output)
        self._tools = _server_tools(items)
        if response.tool_usage is not UNSET:
            searches = RESPONSES_TOOL_USAGE.read(decode(response.tool_usage))
            self._tools.update(searches.server_tool_requests)
        if items:
            self._whole = Reply()
            _read_output(self._whole, items)

    def _meant(self, node: Json) -> Usage:
        usage = self._table.read(node)
        tools = {**self._tools, **usage.server_tool_requests}
        return replace(usage, server_tool_requests=MappingProxyType(tools))


RESPONSES_TOOL_USAGE: Final = UsageTable(tools=(("web_search", "web_search.num_requests"),))


def _server_tools(items: Sequence[Mapping[str, Json]]) -> Counter[str]:
    tools: Counter[str] = Counter()
    for item in items:
        kind = item.get("type")
        if kind == "web_search_call":
            action = text(item, ("action.type",)) or "search"
            tools[f"web_search_call:{action if action in ACTIONS else 'other'}"] += 1
        elif isinstance(kind, str) and kind in SERVER_TOOLS:
            tools[kind] += 1
    return tools


def _read_output(reply: Reply, items: Sequence[Json]) -> None:
    """Read text and tool calls of finished output items."""
    for item in items:
        if text(item, ("type",)) in CALLS:
            said = text(item, ("arguments", "input"))
            reply.call(object(), text(item, ("name",)), said)
            continue
        for part in objects(item, "content"):
            piece = text(part, ("text", "refusal"))
            if piece and text(item, ("type",)) == "message":
                reply.text(piece)
