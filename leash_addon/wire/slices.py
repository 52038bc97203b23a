"""A large request read slice by slice, so that nobody waits for all of it.

Its long array is cut where elements seem to begin, and each slice decoded as an array of its own:
when that succeeds, a reader of the whole is behind a complete element there, too. The rest is read
with one value in place of all that was, as ``known`` explains; where that value does not come out
at the head of the array, the array was not where it seemed to be, and the request has to be read
as a whole.
"""

import re
from collections.abc import Generator
from typing import Final

import msgspec
from msgspec import Raw

from leash_addon.wire.known import FAULTS, stand_in
from leash_addon.wire.request_shapes import Body

FIELDS: Final = ("messages", "input", "contents")
BEGINS: Final = re.compile(rb'[ \t\n\r]*:[ \t\n\r]*\[[ \t\n\r]*(\{[ \t\n\r]*"[^"\\]{1,40}")')
"""An array whose first element is an object, and how that begins."""

WHITE: Final = b" \t\n\r"
MOST_WHITE: Final = 64
SLICE: Final = 512 * 1024
"""Bytes; 0.7 ms of msgspec's time."""

TRIES: Final = 4
"""Places at which a slice may end that turn out to be within an element."""

_ELEMENTS: Final = msgspec.json.Decoder(list[Raw])

type Reading = Generator[None, None, Body | None]
"""Steps; in the end the request, or ``None`` where it has to be read as a whole."""


def read_in_slices(body: bytes, decoder: msgspec.json.Decoder[Body], size: int = SLICE) -> Reading:
    """Read a request in steps of about ``size`` bytes."""
    for field in FIELDS:
        at = body.find(b'"%s"' % field.encode())
        found = None if at < 0 else BEGINS.match(body, at + len(field) + 2)
        if found is not None:
            return (yield from _read(body, field, found.start(1), found[1], decoder, size))
    return None


def _read(  # noqa: PLR0917 - what was found
    body: bytes,
    field: str,
    start: int,
    head: bytes,
    decoder: msgspec.json.Decoder[Body],
    size: int,
) -> Reading:
    elements: list[Raw] = []
    done = start
    while (cut := _slice(body, done, head, size)) is not None:
        end, found = cut
        elements += found
        done = end + 1
        yield
    if not elements:
        return None
    before, behind = body[:start], body[done:]
    value = stand_in(before, behind)
    if value is None:
        return None
    try:
        read = decoder.decode(b"".join((before, value, b",", behind)))
    except FAULTS:
        return None
    rest = getattr(read, field)
    if not isinstance(rest, list) or not rest or bytes(rest[0]) != value:
        return None
    setattr(read, field, [*elements, *rest[1:]])
    return read


def _slice(body: bytes, done: int, head: bytes, size: int) -> tuple[int, list[Raw]] | None:
    """Return where the comma behind the next slice is, and the elements before it."""
    at = done + size
    for _ in range(TRIES):
        at = body.find(head, at)
        if at < 0:
            return None
        comma = at - 1
        while comma > max(done, at - MOST_WHITE) and body[comma] in WHITE:
            comma -= 1
        if body[comma : comma + 1] == b",":
            try:
                return comma, _ELEMENTS.decode(b"[" + body[done:comma] + b"]")
            except FAULTS:
                pass
        at += 1
    return None
