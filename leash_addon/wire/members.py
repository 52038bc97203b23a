"""Where the members of a JSON object stand in its bytes, so that one can change and all else stay.

Works on text that a decoder has accepted; of anything else it makes nonsense but no error. Nested
values are walked over token by token, at the speed of a regular expression.
"""

import re
from dataclasses import dataclass
from typing import Final

import msgspec

TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)
"""A string, a mark, or a number or word (RFC 8259, section 2)."""

OPEN: Final = frozenset({b"{", b"["})
CLOSE: Final = frozenset({b"}", b"]"})


@dataclass(frozen=True, slots=True)
class Member:
    """One member: its name, and its value's bytes from ``start`` to before ``end``."""

    name: str
    start: int
    end: int


def members(text: bytes, at: int = 0) -> list[Member]:
    """Return the members of the object that begins at or after ``at``, repeated names included."""
    found: list[Member] = []
    depth = 0
    name: str | None = None
    start = end = -1
    for token in TOKEN.finditer(text, at):
        mark = token[0]
        if depth == 1 and mark in (b",", b"}"):
            if name is not None and start >= 0:
                found.append(Member(name, start, end))
            name, start = None, -1
        elif depth == 1 and name is None:
            name = _name(mark)
        elif depth >= 1 and start < 0 and mark != b":":
            start = token.start()
        depth += (mark in OPEN) - (mark in CLOSE)
        end = token.end()
        if depth == 0:
            break
    return found


def inserted(text: bytes, at: int, member: bytes) -> bytes:
    """Return the text with a member put first into the object that begins at or after ``at``."""
    inside = text.index(b"{", at) + 1
    comma = b"" if text[inside:].lstrip()[:1] == b"}" else b","
    return text[:inside] + member + comma + text[inside:]


def _name(mark: bytes) -> str | None:
    try:
        return msgspec.json.decode(mark, type=str)
    except (msgspec.MsgspecError, ValueError):
        return None
