"""The beginning of a request that was read before, told from its bytes alone.

Agents send their history with every call, and what comes behind it is new. When the bytes up to
the end of some element of a top-level array are those of an earlier request that was read, a
reader of JSON is at the same point after them: inside that array, behind a value. So it is at the
same point, too, when one value stands there in place of all those elements, and reads the rest
alike. ``read_without`` does that, and checks that the value came out where it was put: a member of
the same name further on would have replaced the array.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from leash_addon.wire.request_shapes import Body

TRIES: Final = 4
"""Stand-ins; nobody writes them but to be a nuisance."""

FAULTS: Final = (msgspec.MsgspecError, RecursionError, ValueError)


class Known(Struct, frozen=True, kw_only=True):
    """The first ``count`` elements of an array, at the bytes ``start`` to ``end`` of a request.

    ``field``: of ``Body``. ``digest``: what all bytes up to ``end`` are known by.
    """

    field: str
    start: int
    end: int
    count: int
    digest: bytes


def read_without(body: bytes, known: Known, decoder: msgspec.json.Decoder[Body]) -> Body | None:
    """Read a request but for what is known of it; ``None``: it has to be read as a whole.

    The caller vouches for the bytes: those of a request that was read, ``known`` proven there; and
    for the digest: nobody who writes a request can guess it, so what stands in is in none.
    """
    value = b'"leash-%s"' % known.digest.hex().encode()
    try:
        read = decoder.decode(b"".join((body[: known.start], value, body[known.end :])))
    except FAULTS:
        return None
    elements = getattr(read, known.field)
    if not isinstance(elements, list) or not elements or bytes(elements[0]) != value:
        return None
    setattr(read, known.field, elements[1:])
    return read


def stand_in(*texts: bytes) -> bytes | None:
    """Return a JSON string that is in none of the texts; ``None`` where several are taken."""
    found = (b'"leash-%d"' % number for number in range(TRIES))
    return next((each for each in found if not any(each in text for text in texts)), None)


def spliced(body: bytes, changes: Iterable[tuple[int, int, bytes]]) -> bytes:
    """Return a request with new bytes at some places, which are in order; copied once."""
    made: list[bytes | memoryview] = []
    done, plain = 0, memoryview(body)
    for start, end, raw in changes:
        made += (plain[done:start], raw)
        done = end
    return b"".join([*made, plain[done:]])


def elements_of(body: Body, field: str) -> list[bytes]:
    """Return the elements of an array, none where the member is no array."""
    found = getattr(body, field)
    return [bytes(each) for each in found] if isinstance(found, list) else []
