"""JSON inside a JSON string, read without its escapes, with the way back to every character.

Tools answer with objects written out as text, and some wrap those again. Up to ``DEPTH`` layers
are undone; a string that is no JSON stays as it is, for a backslash in a path or in source code is
no escape.
"""

import re
from bisect import bisect_right
from typing import Final

import msgspec
from msgspec import Struct

DEPTH: Final = 3
ESCAPE: Final = re.compile(
    r'\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|["\\/bfnrt])'
)
"""RFC 8259, section 7; a surrogate pair is one character."""

NESTED: Final = re.compile(r'"\s*[\[{][\s\[{]*\\+"')
"""How a string that holds JSON begins, inside JSON: its first quote is escaped."""

BEGINS: Final = ("{", "[", '"')
SHORT: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
LONE: Final = re.compile("[\ud800-\udfff]")
FAULTS: Final = (msgspec.MsgspecError, RecursionError, ValueError)


class Layer(Struct, frozen=True):
    """One layer undone. ``ends``: behind each escape, in the new text.

    ``saved``: characters that it and all before it took more in the old text.
    """

    ends: list[int]
    saved: list[int]


class Unescaped(Struct, frozen=True):
    """A string without its escapes, and the layers that it had, the outermost first."""

    text: str
    layers: tuple[Layer, ...]

    def original(self, at: int) -> int:
        """Return where an offset of the text lies in the string as it was."""
        for layer in reversed(self.layers):
            passed = bisect_right(layer.ends, at)
            at += layer.saved[passed - 1] if passed else 0
        return at


def unescaped(value: str) -> Unescaped | None:
    """Undo the escapes of a string that is JSON; ``None`` where it is none or has none."""
    if "\\" not in value or not value.lstrip().startswith(BEGINS) or not _is_json(value):
        return None
    text, layers = value, []
    for _ in range(DEPTH):
        nested = NESTED.search(text)
        text, layer = _undo(text)
        layers.append(layer)
        if nested is None:
            break
    return Unescaped(text, tuple(layers))


def without_lone_surrogates(text: str) -> str:
    """Replace halves of surrogate pairs, which no UTF-8 can carry, one character for one."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return LONE.sub("\ufffd", text)
    return text


def _is_json(value: str) -> bool:
    try:
        msgspec.json.decode(value, type=msgspec.Raw)
    except FAULTS:
        return False
    return True


def _undo(text: str) -> tuple[str, Layer]:
    pieces: list[str] = []
    ends: list[int] = []
    saved: list[int] = []
    done = length = total = 0
    for escape in ESCAPE.finditer(text):
        char = _meant(escape[0])
        pieces += (text[done : escape.start()], char)
        length += escape.start() - done + 1
        total += len(escape[0]) - 1
        ends.append(length)
        saved.append(total)
        done = escape.end()
    pieces.append(text[done:])
    return "".join(pieces), Layer(ends, saved)


def _meant(escape: str) -> str:
    kind = escape[1]
    if kind != "u":
        return SHORT.get(kind, kind)
    code = int(escape[2:6], 16)
    if len(escape) > len("\\u0000"):
        code = 0x10000 + ((code - 0xD800) << 10) + (int(escape[8:], 16) - 0xDC00)
    return without_lone_surrogates(chr(code))
