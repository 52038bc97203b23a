"""A long array of a request set aside, so that the rest of it can be read without reading it again.

The elements of the array are known, byte for byte. What is returned is proven: it is decoded, and
the member is exactly what was put into the array's place. So no text that merely looks like the
array, in another member or inside a string, is ever taken for it.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Raw

BEGINS: Final = re.compile(rb"[ \t\n\r]*:[ \t\n\r]*\[[ \t\n\r]*")
BETWEEN: Final = re.compile(rb"[ \t\n\r]*,[ \t\n\r]*")
"""RFC 8259, section 2."""

TRIES: Final = 8
"""Places that look like the array's beginning."""

FAULTS: Final = (msgspec.MsgspecError, RecursionError, ValueError)

type Spans = list[tuple[int, int]]


def without(body: bytes, name: str, elements: Sequence[bytes]) -> dict[str, Raw] | None:
    """Return the members of a request, of its array ``name`` nothing but that it is one.

    ``elements``: all of the array. ``None``: it was not found where it is usually written.
    """
    spans = spans_of(body, name, elements)
    if spans is None:
        return None
    start, end = spans[0][0], spans[-1][1]
    stand_in = _stand_in(body)
    try:
        top = msgspec.json.decode(body[:start] + stand_in + body[end:], type=dict[str, Raw])
        found = msgspec.json.decode(top[name], type=list[Raw])
    except (*FAULTS, KeyError):
        return None
    return top if [bytes(each) for each in found] == [stand_in] else None


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


def _stand_in(body: bytes) -> bytes:
    """Return a JSON string that is nowhere in the body."""
    number = 0
    while (found := b'"leash-%d"' % number) in body:
        number += 1
    return found
