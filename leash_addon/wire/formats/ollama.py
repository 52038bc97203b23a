"""Ollama's own API: chat, generate and embed, NDJSON or one object.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md (2026-08). The counts are on the
line that says ``done``. ``prompt_eval_count`` is left out when the whole prompt was cached.
"""

from typing import Any, Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from leash_addon.core.reading import Reading
from leash_addon.core.usage import Usage
from leash_addon.wire.event import Event
from leash_addon.wire.formats.numbers import as_count, at, objects, text
from leash_addon.wire.formats.seen import Seen


class Line(Struct, gc=False):
    """One line of the stream, or the whole answer."""

    model: Any = None
    done: Any = None
    response: Any = None
    message: Any = None
    error: Any | UnsetType = UNSET
    prompt_eval_count: Any = None
    eval_count: Any = None
    embeddings: Raw | UnsetType = UNSET


_LINE: Final = msgspec.json.Decoder(Line)


class OllamaMeter:
    """Meters Ollama's answers."""

    def __init__(self) -> None:
        """Begin before the first line."""
        self.seen = Seen()
        self._usage: Usage | None = None

    @property
    def complete(self) -> bool:
        """Tell whether the line with ``done`` came."""
        return self.seen.complete

    def on_event(self, event: Event, *, whole: bool = False) -> None:
        """Take a line, or the whole answer."""
        try:
            line = _LINE.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if event.data.strip():
                self.seen.note("an event that is no JSON object")
            return
        self.seen.say(model=line.model)
        if line.error is not UNSET:
            self.seen.fail(line.error)
            return
        self._read(line)
        given, made = as_count(line.prompt_eval_count), as_count(line.eval_count)
        if line.embeddings is not UNSET:
            made = made or 0
        if given is not None or made:
            self._usage = Usage(input_tokens=given, output_tokens=made)
        if line.done is True or whole:
            self.seen.complete = True

    def on_end(self) -> None:
        """Nothing: only ``done`` says that the answer was whole."""

    def reading(self) -> Reading:
        """Return the counts."""
        return self.seen.reading(self._usage)

    def _read(self, line: Line) -> None:
        reply = self.seen.reply
        piece = (
            line.response if isinstance(line.response, str) else text(line.message, ("content",))
        )
        if piece:
            reply.text(piece)
        if thought := text(line.message, ("thinking",)):
            reply.seen(thought)
        for call in objects(line.message, "tool_calls"):
            name = text(call, ("function.name",))
            reply.call(object(), name, at(call, "function.arguments"))
