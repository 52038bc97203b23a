"""Formats that are one usage object at a known place: a row of a table each.

Embeddings, images, audio, rerankers, OCR, assistants' runs, Cohere, Gemini's interactions and
caches. Only the members of an answer that a row names are decoded: the vectors of embeddings and
the pixels of images are skipped. Where several events report, the last one holds.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import msgspec

from leash_addon.core.reading import Reading
from leash_addon.core.usage import Usage
from leash_addon.wire.event import Event
from leash_addon.wire.formats.numbers import Json, Path, as_count, at, decode, text
from leash_addon.wire.formats.seen import Seen
from leash_addon.wire.formats.table import UsageTable

MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a format keeps what it reports.

    ``usage``: paths of the usage object, the first that is an object wins. ``meant``: what its
    counts mean; gets the object and a place for notes. ``texts``: paths of pieces of text.
    ``ends``: values of ``end`` after which the answer is whole. ``waits``: values of ``end`` that
    say that a job runs on, so that this answer is no bill. ``steps``: values of ``kind`` that
    are parts of a whole which reports again.
    """

    usage: tuple[Path, ...]
    meant: Callable[[Json, Seen], Usage]
    model: tuple[Path, ...] = ("model",)
    id: tuple[Path, ...] = ("id",)
    tier: tuple[Path, ...] = ("service_tier",)
    texts: tuple[Path, ...] = ()
    end: tuple[Path, ...] = ()
    ends: frozenset[str] = frozenset()
    waits: frozenset[str] = frozenset()
    kind: tuple[Path, ...] = ("object",)
    steps: frozenset[str] = frozenset()

    @property
    def members(self) -> frozenset[str]:
        """The members of the top level that are read at all."""
        paths = (*self.usage, *self.model, *self.id, *self.tier, *self.texts, *self.end, *self.kind)
        return frozenset({path.partition(".")[0] for path in paths} | {"error", "message"})


class ReportedMeter:
    """Meters any format that a ``Place`` describes, whole or streamed."""

    def __init__(self, place: Place) -> None:
        """``place``: the row of the format."""
        self.seen = Seen()
        self._place = place
        self._members = place.members
        self._usage: Mapping[str, Json] | None = None

    @property
    def complete(self) -> bool:
        """Tell whether a whole body, a closing event or ``[DONE]`` came."""
        return self.seen.complete

    def on_event(self, event: Event, *, whole: bool = False) -> None:
        """Take an event, or the whole body."""
        if event.data == b"[DONE]":
            self.seen.complete = True
            return
        try:
            members = MEMBERS.decode(event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if event.data.strip():
                self.seen.note("an event that is no JSON object")
            return
        node = {key: decode(raw) for key, raw in members.items() if key in self._members}
        self._take(node)
        if event.name == "error" or node.get("error"):
            self.seen.fail(node.get("error") or node)
        elif whole and not self.seen.free:
            self.seen.complete = True

    def on_end(self) -> None:
        """Nothing: the end of a stream alone does not say that the answer was whole."""

    def reading(self) -> Reading:
        """Return the last usage."""
        node = self._usage
        return self.seen.reading(None if node is None else self._place.meant(node, self.seen))

    def _take(self, node: Json) -> None:
        place, seen = self._place, self.seen
        if text(node, place.kind) in place.steps:
            return
        seen.say(model=text(node, place.model), tier=text(node, place.tier))
        seen.say(answer=text(node, place.id))
        for path in place.usage:
            found = at(node, path)
            if isinstance(found, Mapping) and found:
                self._usage = found
                break
        for path in place.texts:
            if isinstance(piece := at(node, path), str):
                seen.reply.text(piece)
        state = text(node, place.end)
        seen.free = state in place.waits and self._usage is None
        seen.complete = seen.complete or state in place.ends


def by_table(table: UsageTable) -> Callable[[Json, Seen], Usage]:
    """Return the meaning of a usage object whose totals hold all of their parts."""

    def meant(node: Json, _seen: Seen) -> Usage:
        return table.read(node)

    return meant


def duration(node: Json, usage: Usage) -> Usage:
    """Keep the seconds of audio only where the provider bills by them."""
    if text(node, ("type",)) == "duration" and as_count(usage.input_tokens) is None:
        return usage
    return replace(usage, audio_seconds=None)
