"""OpenAI's chat completions, and the many servers that speak it with differences of their own.

Source: https://platform.openai.com/docs/api-reference/chat (2026-08) and recorded answers of some
thirty providers. The last usage object that is not ``null`` is the bill: providers that report on
every chunk report sums. The usage chunk has ``choices: []`` and comes after ``finish_reason``.
"""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from leash_addon.core.reading import Reading
from leash_addon.core.usage import Usage
from leash_addon.wire.event import Event
from leash_addon.wire.formats.chat_usage import CHAT, meant
from leash_addon.wire.formats.numbers import Json, at, decode, present, text
from leash_addon.wire.formats.reply import Reply
from leash_addon.wire.formats.seen import Seen
from leash_addon.wire.formats.table import UsageTable


class Function(Struct, gc=False):
    """Name and arguments of a tool call."""

    name: Any = None
    arguments: Any = None


class ToolCall(Struct, gc=False):
    """A tool call, or a piece of one."""

    index: Any = None
    function: Function | None = None


class Message(Struct, gc=False):
    """A message, or a piece of one."""

    content: Any = None
    refusal: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None


class Choice(Struct, gc=False):
    """One choice of an answer or chunk; legacy completions have ``text``."""

    index: int | None = 0
    delta: Message | None = None
    message: Message | None = None
    text: str | None = None
    finish_reason: Any = None


class Chunk(Struct, gc=False):
    """What is read of an answer or chunk; all else is skipped undecoded."""

    id: Any = None
    model: Any = None
    service_tier: Any = None
    choices: list[Choice] | None = None
    usage: Raw | UnsetType = UNSET
    x_groq: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


class Loose(Struct, gc=False):
    """The same without the text, for a chunk with text in a shape that nobody else has."""

    id: Any = None
    model: Any = None
    service_tier: Any = None
    usage: Raw | UnsetType = UNSET
    x_groq: Raw | UnsetType = UNSET
    error: Raw | UnsetType = UNSET


_CHUNK: Final = msgspec.json.Decoder(Chunk)
_LOOSE: Final = msgspec.json.Decoder(Loose)


class ChatMeter:
    """Meters chat completions, whole or streamed, and legacy completions, which differ little."""

    def __init__(self, dialect: str = "", table: UsageTable = CHAT) -> None:
        """``dialect``: whose differences hold; ``table``: where the counts are."""
        self.seen = Seen()
        self._dialect = dialect
        self._table = table
        self._usage: bytes | None = None
        self._groq: bytes | None = None
        self._finished = False

    @property
    def complete(self) -> bool:
        """Tell whether ``[DONE]`` or a whole body came."""
        return self.seen.complete

    def on_event(self, event: Event, *, whole: bool = False) -> None:
        """Take a chunk, a whole body, ``[DONE]``, or an ``error:`` field."""
        data = event.data
        if data == b"[DONE]":
            self.seen.complete = True
            return
        if event.name == "error":
            self.seen.fail(at(decoded := decode(data), "error") or decoded)
        try:
            chunk: Chunk | Loose = _CHUNK.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = self._loose(data)
            if found is None:
                return
            chunk = found
        self._take(chunk)
        if whole and self.seen.error is None:
            self.seen.complete = True

    def on_end(self) -> None:
        """Take the end after a finish reason as whole: some servers send no ``[DONE]``."""
        if self._finished and self.seen.error is None:
            self.seen.complete = True

    def reading(self) -> Reading:
        """Return the last usage that was reported, with its provider's differences undone."""
        return self.seen.reading(self._last_usage())

    def _loose(self, data: bytes) -> Loose | None:
        try:
            return _LOOSE.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if data.strip():
                self.seen.note("an event that is no JSON object")
            return None

    def _take(self, chunk: Chunk | Loose) -> None:
        """Read one chunk. This runs for every piece of text, so the usual one takes few steps."""
        seen = self.seen
        tier = chunk.service_tier
        if chunk.model != seen.model or seen.id is None or (tier and tier != seen.tier):
            seen.say(model=chunk.model, tier=tier, answer=chunk.id)
        usage = chunk.usage
        if usage is not UNSET and (said := bytes(usage)) != b"null":
            self._usage = said
        if chunk.x_groq is not UNSET and b"usage" in bytes(chunk.x_groq):
            self._groq = bytes(chunk.x_groq)
        if chunk.error is not UNSET and present(chunk.error):
            seen.fail(decode(chunk.error))
        if isinstance(chunk, Chunk) and chunk.choices:
            for choice in chunk.choices:
                self._read_choice(choice, seen.reply)

    def _read_choice(self, choice: Choice, reply: Reply) -> None:
        index = choice.index or 0
        if choice.finish_reason is not None:
            self._finished = True
        if choice.text:
            reply.text(choice.text, index)
        message = choice.delta or choice.message
        if message is None:
            return
        content = message.content
        if content.__class__ is str:
            if content:
                reply.text(content, index)
        elif content is not None:
            self._read_parts(content, index)
        if message.tool_calls or message.refusal or message.reasoning_content:
            self._read_rest(message, index)
        elif message.function_call:
            self._read_call((index, ""), message.function_call)

    def _read_rest(self, message: Message, index: int) -> None:
        if message.refusal:
            self.seen.reply.text(message.refusal, index)
        if message.reasoning_content:
            self.seen.reply.seen(message.reasoning_content)
        for place, call in enumerate(message.tool_calls or ()):
            key = place if call.index is None else call.index
            self._read_call((index, str(key)), call.function)

    def _read_call(self, key: tuple[int, str], function: Function | None) -> None:
        if function:
            name = function.name if isinstance(function.name, str) else None
            self.seen.reply.call(key, name, function.arguments)

    def _read_parts(self, content: Json, index: int) -> None:
        """Text in parts, as Mistral sends it; thinking is a part of its own."""
        for part in content if isinstance(content, list) else ():
            piece = text(part, ("text",))
            if piece:
                self.seen.reply.text(piece, index)

    def _last_usage(self) -> Usage | None:
        raw = self._usage
        node = decode(raw) if raw is not None else at(decode(self._groq or b"null"), "usage")
        if not isinstance(node, dict) or not node:
            return None
        self.seen.say(tier=self.seen.tier or text(node, ("service_tier",)))
        return meant(self._table, node, self._dialect, self.seen)
