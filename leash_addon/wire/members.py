"""Where the members of a JSON object stand in its bytes, so that one can change and all else stay.

Works on text that a decoder has accepted; of anything else it makes nonsense but no error. Nested
values are passed over at the speed of a decoder (``skip``).
"""

import re
from dataclasses import dataclass
from typing import Final

import msgspec

from leash_addon.wire.skip import TOKEN, end_of

MOST: Final = 1024
"""Members of an object that are told; no request of any format has a tenth of that."""

SPACE: Final = re.compile(rb"[ \t\n\r]*+")
EMPTY: Final = re.compile(rb"[ \t\n\r]*+\}")
"""What is behind the opening brace of an object without members."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its name, and its value's bytes from ``start`` to before ``end``."""

    name: str
    start: int
    end: int


def members(text: bytes, at: int = 0) -> list[Member]:
    """Return the members of the object that begins at or after ``at``, repeated names included.

    At most ``MOST``; there may be more where there are so many.
    """
    found: list[Member] = []
    mark = TOKEN.search(text, at)
    while mark is not None and len(found) < MOST and (member := _member(text, mark.end())):
        found.append(member)
        mark = _next(text, member.end, b",")
    return found


def _member(text: bytes, at: int) -> Member | None:
    """Return the next member, ``None`` where the object ends."""
    name = TOKEN.search(text, at)
    if name is None or not name[0].startswith(b'"'):
        return None
    colon = _next(text, name.end(), b":")
    if colon is None:
        return None
    white = SPACE.match(text, colon.end())
    start = colon.end() if white is None else white.end()
    return Member(_name(name[0]), start, end_of(text, start))


def _next(text: bytes, at: int, mark: bytes) -> re.Match[bytes] | None:
    found = TOKEN.search(text, at)
    return found if found is not None and found[0] == mark else None


def inserted(text: bytes, at: int, member: bytes) -> bytes:
    """Return the text with a member put first into the object that begins at or after ``at``."""
    inside = text.index(b"{", at) + 1
    comma = b"" if EMPTY.match(text, inside) else b","
    return text[:inside] + member + comma + text[inside:]


def _name(mark: bytes) -> str:
    """Return a name; one that cannot be decoded is nobody's."""
    try:
        return msgspec.json.decode(mark, type=str)
    except (msgspec.MsgspecError, ValueError):
        return mark.decode("utf-8", "replace")
