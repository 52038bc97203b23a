"""The histories that agents send with every call: how far each is known, and what was found in it.

A history is known by a keyed hash of all bytes of the request up to there (``keyed_hash``); no
text is kept. Histories that begin alike are told from each other by the bytes that they end with:
cheap, and no proof of anything. The last elements of a history are left out: agents move cache
marks about in them. Bounded in number and in bytes.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from msgspec import Struct

from leash_addon.proxy.keyed_hash import KeyedHash
from leash_addon.proxy.resent import Met, Resent
from leash_addon.wire.asked import Parsed
from leash_addon.wire.known import Known, elements_of
from leash_addon.wire.texts import FORMATS, NAMES, asks_for_words
from leash_addon.wire.texts.arrays import set_aside

SMALLEST: Final = 32 * 1024
"""Bytes of a request that is as quickly read as recalled."""

HEAD: Final = 256
TAIL: Final = 64
"""Bytes that tell histories from each other before all of them are looked at."""

LOOSE: Final = 4
"""Elements at the end that may change before they are sent again."""

WORTH: Final = 8
"""New elements after which a history is learnt anew."""

MOST: Final = 256
"""Histories, and as many of what was found in them for a run."""

ALIKE: Final = 64
"""Histories that begin alike, as those of all runs of one agent do."""

TRIES: Final = 4
"""Histories that begin and end alike, of which all bytes are looked at."""

MOST_BYTES: Final = 256 * 1024
"""Rewritten pieces of one history."""

MOST_FOUND: Final = 1024
"""Pieces of one history in which something was found: some 300 bytes each."""

type Key = tuple[str, str, Known]
"""A run, a wire format, and the history."""


class Mark(Struct, frozen=True):
    """A history, and what its last bytes look like."""

    known: Known
    tail: int


class Lesson(Struct, frozen=True, kw_only=True):
    """A history that was judged, what it extends, and what was found in it.

    ``head``, ``tail``: what its first and last bytes look like.
    """

    key: Key
    before: Known | None
    head: int
    tail: int
    met: tuple[Met, ...]


@dataclass(slots=True)
class Histories:
    """The memory of one proxy."""

    _hash: KeyedHash = field(default_factory=KeyedHash)
    _marks: OrderedDict[int, list[Mark]] = field(default_factory=OrderedDict)
    _met: OrderedDict[Key, tuple[Met, ...]] = field(default_factory=OrderedDict)

    def recall(self, plain: bytes) -> Known | None:
        """Return how far a request is known."""
        if len(plain) < SMALLEST:
            return None
        marks = self._marks.get(_head(plain), ())
        alike = (
            mark.known
            for mark in marks
            if len(plain) > mark.known.end and mark.tail == _tail(plain, mark.known.end)
        )
        view = memoryview(plain)
        return next(
            (each for each in islice(alike, TRIES) if each.digest == self._hash(view[: each.end])),
            None,
        )

    def find(self, run: str, wire_format: str, known: Known) -> tuple[Met, ...] | None:
        """Return what was found in a history for a run; ``None``: it has not been judged for it."""
        found = self._met.get((run, wire_format, known))
        if found is not None:
            self._met.move_to_end((run, wire_format, known))
        return found

    def lesson(self, run: str, resent: Resent) -> Lesson | None:
        """Return what is to be remembered of a request all of which was judged.

        Changes nothing, so it may run in a thread.
        """
        found = self._known(resent.parsed, resent.wire_format)
        if found is None:
            return None
        known, first, spans = found
        name, met = NAMES[known.field], list(resent.met)
        for path, verdict in resent.found:
            if path[0] == name and len(path) > 1 and int(path[1]) < known.count:
                start, end = spans[int(path[1]) - first]
                met.append(Met(path=path, start=start, end=end, verdict=verdict))
        if len(met) > MOST_FOUND or sum(len(one.verdict.raw or b"") for one in met) > MOST_BYTES:
            return None
        plain = resent.parsed.plain
        return Lesson(
            key=(run, resent.wire_format, known),
            before=resent.parsed.known,
            head=_head(plain),
            tail=_tail(plain, known.end),
            met=tuple(met),
        )

    def learn(self, lesson: Lesson) -> None:
        """Remember it, in front of the histories that begin alike, in place of what it extends."""
        run, wire_format, known = lesson.key
        others = self._marks.pop(lesson.head, [])
        rest = [each for each in others if each.known not in (known, lesson.before)]
        self._marks[lesson.head] = [Mark(known, lesson.tail), *rest[: ALIKE - 1]]
        while len(self._marks) > MOST:
            self._marks.popitem(last=False)
        if lesson.before is not None:
            self._met.pop((run, wire_format, lesson.before), None)
        self._met[lesson.key] = lesson.met
        while len(self._met) > MOST:
            self._met.popitem(last=False)

    def _known(
        self, parsed: Parsed, wire_format: str
    ) -> tuple[Known, int, list[tuple[int, int]]] | None:
        """Return what is to be known of a request, and where its new elements stand."""
        body, plain, before = parsed.body, parsed.plain, parsed.known
        if body is None or parsed.inside or len(plain) < SMALLEST:
            return None
        if not asks_for_words(wire_format, body, before):
            return None
        chosen = _longest(parsed, wire_format) if before is None else before.field
        elements = elements_of(body, chosen) if chosen else []
        if len(elements) < LOOSE + WORTH:
            return None
        old = [] if before is None else [plain[before.start : before.end]]
        aside = set_aside(plain, NAMES[chosen], [*old, *elements])
        if aside is None:
            return None
        first = 0 if before is None else before.count
        spans = aside.spans[len(old) :]
        end = spans[-1 - LOOSE][1]
        known = Known(
            field=chosen,
            start=aside.spans[0][0],
            end=end,
            count=first + len(elements) - LOOSE,
            digest=self._hash(memoryview(plain)[:end]),
        )
        return known, first, spans


def _head(plain: bytes) -> int:
    """Return a hash of a copy: that of a view would first be one of all that it is a view of."""
    return hash(plain[:HEAD])


def _tail(plain: bytes, end: int) -> int:
    return hash(plain[max(0, end - TAIL) : end])


def _longest(parsed: Parsed, wire_format: str) -> str:
    """Return the array with the most elements, "" where there is none."""
    lengths = {
        name: len(found)
        for name in FORMATS.get(wire_format, {})
        if isinstance(found := getattr(parsed.body, name), list)
    }
    return max(lengths, key=lengths.__getitem__, default="")
