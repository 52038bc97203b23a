"""A long array of a request set aside, so that the rest of it can be read without reading it again.

The elements of the array are known, byte for byte. What is returned is proven: it is decoded, and
the member is exactly what was put into the array's place. So no text that merely looks like the
array, in another member or inside a string, is ever taken for it.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw, Struct

from leash_addon.wire.known import FAULTS, Known, stand_in

BEGINS: Final = re.compile(rb"[ \t\n\r]*:[ \t\n\r]*\[[ \t\n\r]*")
BETWEEN: Final = re.compile(rb"[ \t\n\r]*,[ \t\n\r]*")
"""RFC 8259, section 2."""

TRIES: Final = 8
"""Places that look like the array's beginning."""

type Spans = list[tuple[int, int]]


class Aside(Struct, frozen=True):
    """An array set aside: where its elements stand, and the members of the request without it."""

    spans: Spans
    rest: dict[str, Raw]


def set_aside(body: bytes, name: str, elements: Sequence[bytes]) -> Aside | None:
    """Set the array ``name`` of a request aside; in ``rest`` stands something else for it.

    ``elements``: all of the array; several in a row may be given as one, with what is between
    them. ``None``: it was not found where it is usually written.
    """
    spans = spans_of(body, name, elements)
    head, tail = (body[: spans[0][0]], body[spans[-1][1] :]) if spans else (b"", b"")
    value = stand_in(head, tail)
    if spans is None or value is None:
        return None
    try:
        rest = msgspec.json.decode(head + value + tail, type=dict[str, Raw])
        found = msgspec.json.decode(rest[name], type=list[Raw])
    except (*FAULTS, KeyError):
        return None
    return Aside(spans, rest) if [bytes(each) for each in found] == [value] else None


def spans_of(body: bytes, name: str, elements: Sequence[bytes]) -> Spans | None:
    """Return where elements stand one behind the other, in what looks like the array ``name``.

    This alone is no proof that they are the array.
    """
    quoted, at = b'"%s"' % name.encode(), 0
    for _ in range(TRIES if elements else 0):
        at = body.find(quoted, at) + 1
        if not at:
            return None
        found = BEGINS.match(body, at + len(quoted) - 1)
        spans = found and _walk(body, found.end(), elements)
        if spans:
            return spans
    return None


def spans_behind(body: bytes, known: Known, elements: Sequence[bytes]) -> Spans | None:
    """Return where the elements stand that follow those that are known."""
    found = _walk(body, known.end, [b"", *elements])
    return None if found is None else found[1:]


def _walk(body: bytes, at: int, elements: Sequence[bytes]) -> Spans | None:
    spans: Spans = []
    for element in elements:
        if spans:
            comma = BETWEEN.match(body, at)
            if comma is None:
                return None
            at = comma.end()
        if not body.startswith(element, at):
            return None
        spans.append((at, at + len(element)))
        at += len(element)
    return spans
