r"""Characters by their numbers, read: percent signs, HTML's references, escapes of programs.

The standard library goes sign by sign; here equal ones, which are most, are read once.
"""

import binascii
import html
import re
from functools import cache
from typing import Final
from urllib.parse import unquote_to_bytes

ESCAPE: Final = (
    r"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|[0-7]{3})"
)
ESCAPED: Final = re.compile(ESCAPE.removeprefix(r"\\"))
ASCII: Final = re.compile("[\x00-\x7f]+")
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
    real equals signs, is left to ``urllib``, as are percent signs that no number follows.
    """
    raw = run[0].encode()
    if not any(own in raw for own in OWN):
        found = binascii.a2b_qp(raw.translate(AS_QUOTED))
        if len(found) == len(raw) - 2 * raw.count(b"%"):
            return found.replace(KEPT, b"=").decode(errors="replace")
    return unquote_to_bytes(raw).decode(errors="replace")


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
    char = cache(_char)
    shown = {
        part: char(found[0]) + part[found.end() :]
        if (found := ESCAPED.match(part))
        else "\\" + part
        for part in set(parts)
    }
    plain = first + "".join(map(shown.__getitem__, parts))
    plain = plain.replace("\\n", "\n").replace("\\t", "\t")
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _char(escape: str) -> str:
    """Return the character of an escape without its backslash."""
    match escape[0]:
        case "u" | "x" | "U":
            code = int(escape[1:].strip("{}"), 16)
            return chr(code) if code <= 0x10FFFF else ""  # noqa: PLR2004 - the last character
        case _:
            return chr(int(escape, 8))
