"""What every format gathers beside the usage, and the one place that turns it into a Reading."""

import re
from collections.abc import Mapping
from typing import Final, Protocol

from leash_addon.core.reading import Reading
from leash_addon.core.usage import Usage
from leash_addon.wire.event import Event
from leash_addon.wire.formats.numbers import Json, at
from leash_addon.wire.formats.reply import Reply

NOTES_KEPT: Final = 12
LONGEST_NAME: Final = 512
"""Characters of a model, tier or id; a longer one is no name."""

WORD: Final = re.compile(r"[A-Za-z0-9_.:/#-]{1,80}")
ERROR_WORDS: Final = ("code", "type", "status", "__type", "reason")


class FormatMeter(Protocol):
    """Reads the events of one answer. Never raises for odd events, and holds one usage object.

    ``whole``: the one event is a plain body, not a piece of a stream.
    """

    @property
    def complete(self) -> bool:
        """Tell whether the format said that the answer is whole."""
        ...

    def on_event(self, event: Event, *, whole: bool = False) -> None:
        """Take the next event."""
        ...

    def on_end(self) -> None:
        """Hear that the body ended where its framing says it ends."""
        ...

    def reading(self) -> Reading:
        """Return what is known by now."""
        ...


class Seen:
    """Model, tier, id, error, reply and notes of one answer; filled as they come."""

    __slots__ = ("complete", "error", "free", "id", "model", "notes", "reply", "tier")

    def __init__(self) -> None:
        """Begin with nothing known."""
        self.model: str | None = None
        self.tier: str | None = None
        self.id: str | None = None
        self.error: str | None = None
        self.complete = False
        self.free = False
        self.notes: list[str] = []
        self.reply = Reply()

    def note(self, note: str) -> None:
        """Keep an oddity for the ledger, once; a bounded number of them."""
        if note not in self.notes and len(self.notes) < NOTES_KEPT:
            self.notes.append(note)

    def say(self, *, model: Json = None, tier: Json = None, answer: Json = None) -> None:
        """Take the latest names that are strings and not empty."""
        self.model = _name(model) or self.model
        self.tier = _name(tier) or self.tier
        self.id = _name(answer) or self.id

    def fail(self, error: Json) -> None:
        """Keep the machine word of an error; its message may quote a prompt or a key."""
        self.error = error_word(error)

    def reading(self, usage: Usage | None) -> Reading:
        """Put the parts together."""
        return Reading(
            usage=usage,
            model=self.model,
            service_tier=self.tier,
            response_id=self.id,
            complete=self.complete,
            free=self.free,
            error=self.error,
            text_bytes=self.reply.text_bytes,
            reply=self.reply.fingerprint(),
            tools=self.reply.tools(),
            notes=tuple(self.notes),
        )


def _name(value: Json) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_NAME else None


def error_word(error: Json) -> str:
    """Return the first machine word of an error object or string; ``error`` if it has none."""
    named = isinstance(error, Mapping)
    words = [at(error, key) for key in ERROR_WORDS] if named else [error]
    for word in words:
        if isinstance(word, str | int) and WORD.fullmatch(str(word)):
            return str(word)
    return "error"
