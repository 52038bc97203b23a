"""Bedrock agents: many model calls behind one request, seen only where a trace was asked for.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/trace-events.html (2026-08). Trace
events name the tokens of single model calls, but not of all of them, and none without a trace: they
are no bill. So the call stays blind, and its notes say how many tokens the trace has named.
"""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Final

from leash_addon.core.reading import Reading
from leash_addon.wire.event import Event
from leash_addon.wire.formats.numbers import Json, at, count, decode, text
from leash_addon.wire.formats.seen import Seen

USAGE: Final = "modelInvocationOutput.metadata.usage"
DEEPEST: Final = 4
"""Levels between a trace event and the model call of a collaborating agent."""


class AgentMeter:
    """Meters InvokeAgent."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self.seen = Seen()
        self._named = [0, 0]

    @property
    def complete(self) -> bool:
        """Tell whether the stream ended."""
        return self.seen.complete

    def on_event(self, event: Event, *, whole: bool = False) -> None:
        """Take a chunk of the answer, or a trace."""
        node = decode(event.data)
        if event.name and "xception" in event.name:
            self.seen.fail(event.name)
        elif piece := text(node, ("bytes",)):
            self._read(piece)
        else:
            for usage in _usages(node, DEEPEST):
                self._named[0] += count(usage, ("inputTokens",)) or 0
                self._named[1] += count(usage, ("outputTokens",)) or 0
        self.seen.complete = whole

    def on_end(self) -> None:
        """Take the end of the stream as the end of the answer."""
        self.seen.complete = self.seen.error is None

    def reading(self) -> Reading:
        """Return no usage, and what the trace named."""
        if any(self._named):
            self.seen.note(f"the trace names {self._named[0]} tokens in, {self._named[1]} out")
        return self.seen.reading(None)

    def _read(self, piece: str) -> None:
        try:
            self.seen.reply.text(b64decode(piece, validate=True).decode("utf-8", "replace"))
        except ValueError:
            self.seen.note("a chunk that is no base64")


def _usages(node: Json, levels: int) -> Iterator[Json]:
    if not isinstance(node, Mapping) or not levels:
        return
    found = at(node, USAGE)
    if found is not None:
        yield found
        return
    for inner in node.values():
        yield from _usages(inner, levels - 1)
