r"""Characters by their numbers, read: percent signs, HTML's references, escapes of programs.

The standard library goes sign by sign; here equal ones, which are most, are read once.
"""

import binascii
import html
import re
from functools import cache
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote_to_bytes

ESCAPE: Final = (
    r"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|[0-7]{3})"
)
ENDS: Final = MappingProxyType({"x": 3, "u": 5, "U": 9})
ODD: Final = re.compile(r"u\{([0-9A-Fa-f]{1,6})\}|[0-7]{3}")
ASCII: Final = re.compile("[\x00-\x7f]+")
WIDTH: Final = len("%69")
KEPT: Final = b"\x01"
OWN: Final = (b"\x01", b"%01", b"%\n", b"%\r")
AS_QUOTED: Final = bytes.maketrans(b"%=", b"=" + KEPT)


def unquoted(text: str) -> str:
    """Return what ``urllib.parse.unquote_plus`` does."""
    text = text.replace("+", " ")
    return ASCII.sub(_unquoted, text) if "%" in text else text


def _unquoted(run: re.Match[str]) -> str:
    r"""Read percent signs as the equals signs of quoted-printable, which is read in one go.

    What that has of its own (a line that goes on, ``==``) and ``\x01``, which keeps the place of
    real equals signs, is left to ``urllib``, as are percent signs that no number follows, but
    for one that the end of the text cuts off.
    """
    raw = run[0].encode()
    last = raw.rfind(b"%")
    raw, cut = (raw[:last], raw[last:]) if len(raw) - last < WIDTH else (raw, b"")
    if not any(own in raw for own in OWN):
        found = binascii.a2b_qp(raw.translate(AS_QUOTED))
        if len(found) == len(raw) - 2 * raw.count(b"%"):
            return (found.replace(KEPT, b"=") + cut).decode(errors="replace")
    return (unquote_to_bytes(raw) + cut).decode(errors="replace")


def unreferenced(text: str) -> str:
    """Return what ``html.unescape`` does."""
    first, *parts = text.split("&#")
    char = cache(_referenced)
    shown = {
        part: char(apart[0]) + (html.unescape(apart[2]) if "&" in apart[2] else apart[2])
        if (apart := part.partition(";"))[1]
        else html.unescape("&#" + part)
        for part in set(parts)
    }
    return html.unescape(first) + "".join(map(shown.__getitem__, parts))


def _referenced(number: str) -> str:
    """Read what stands between ``&#`` and a semicolon; HTML has no rules of its own for most."""
    try:
        code = int(number[1:], 16) if number[0] == "x" else int(number)
    except (ValueError, IndexError):
        code = 0
    is_plain = 0x20 <= code < 0x7F or 0xA0 <= code < 0xD800  # noqa: PLR2004 - no controls
    if is_plain and number.isalnum() and number.isascii():
        return chr(code)
    return html.unescape(f"&#{number};")


def unescaped(text: str) -> str:
    """Return a text with its escapes read; halves of surrogate pairs are put together."""
    first, *parts = text.split("\\")
    shown = {part: _escaped(part) for part in set(parts)}
    plain = first + "".join(map(shown.__getitem__, parts))
    plain = plain.replace("\\n", "\n").replace("\\t", "\t")
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _escaped(part: str) -> str:
    """Read what comes after a backslash; mostly that is a letter and digits of a fixed number."""
    end = ENDS.get(part[:1], 0)
    digits = part[1:end]
    if not (digits.isalnum() and digits.isascii() and len(digits) == end - 1):
        return _oddly(part)
    try:
        return _char(int(digits, 16)) + part[end:]
    except ValueError:
        return _oddly(part)


def _oddly(part: str) -> str:
    """Read an escape in braces or in octal digits, or none."""
    if found := ODD.match(part):
        code = int(found[1], 16) if found[1] else int(found[0], 8)
        return _char(code) + part[found.end() :]
    return "\\" + part


def _char(code: int) -> str:
    return chr(code) if code <= 0x10FFFF else ""  # noqa: PLR2004 - the last character
