r"""Characters written by their numbers: ``%69``, ``&#105;``, ``\u0069``, ``69 67``, ``01101001``.

Only some letters of a text need be hidden so; a stretch is read with what stands around it.
"""

import html
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final
from urllib.parse import unquote_to_bytes

from leash_addon.screen.views.hidden import Hidden
from leash_addon.screen.views.packed import hex_of
from leash_addon.screen.views.wording import worded

NEAR: Final = 24
"""Characters between two numbers of one stretch."""
AROUND: Final = 48
"""Characters before and after a stretch that are read with it."""
MOST: Final = 8
"""Stretches that are looked at in one window."""
FEW: Final = 2
"""Plus signs that are no words put together."""

URL: Final = r"%[0-9A-Fa-f]{2}"
HTML: Final = r"&#(?:x[0-9A-Fa-f]{2,6}|[0-9]{2,7});"
ESCAPE: Final = (
    r"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|u\{[0-9A-Fa-f]{1,6}\}|U[0-9A-Fa-f]{8}|[0-7]{3})"
)
PLUS: Final = r"[A-Za-z]{1,16}\+[A-Za-z]{1,16}\+[A-Za-z]{1,16}\+[A-Za-z]"
PAIRS: Final = r"(?:0x)?[0-9A-Fa-f]{2}(?:[ ,:;\n-]{1,3}(?:0x)?[0-9A-Fa-f]{2}){11}"
BITS: Final = r"[01]{8}(?:[ ,\n]{0,2}[01]{8}){7}"

ESCAPES: Final = re.compile(ESCAPE)
NEAR_URL, NEAR_HTML, NEAR_ESCAPE = (
    re.compile(rf"{atom}(?:.{{0,{NEAR}}}?{atom})*+", re.DOTALL) for atom in (URL, HTML, ESCAPE)
)
"""Numbers that stand near each other, and what stands between them."""
LONG_PAIRS: Final = re.compile(PAIRS.replace("{11}", "{11,4000}+"))
LONG_BITS: Final = re.compile(BITS.replace("{7}", "{7,2000}+"))
BETWEEN: Final = bytes(set(range(128)) - set(b"0123456789ABCDEFabcdef"))
ASCII: Final = re.compile("[\x00-\x7f]+")
PLUSES: Final = re.compile(r"[A-Za-z0-9+%._'-]{8,2000}")


def url(text: str) -> Iterator[Hidden]:
    """Read percent signs, and plus signs between words as in a query."""
    yield from _stretches("url", NEAR_URL, text, unquoted)
    if text.count("+") > FEW:
        runs = (run for run in PLUSES.finditer(text) if run[0].count("+") > FEW)
        for run in islice(runs, MOST):
            yield Hidden("url", run.start(), run.end(), unquoted(run[0]))


def entities(text: str) -> Iterator[Hidden]:
    """Read numeric HTML entities; named ones are what any page is made of."""
    yield from _stretches("html", NEAR_HTML, text, unreferenced)


def escapes(text: str) -> Iterator[Hidden]:
    r"""Read the escapes of JSON, JavaScript, Python and C, and ``\n`` beside them."""
    yield from _stretches("escape", NEAR_ESCAPE, text, unescaped)


def unquoted(text: str) -> str:
    """Return what ``urllib.parse.unquote_plus`` does."""
    text = text.replace("+", " ")
    return ASCII.sub(_unquoted, text) if "%" in text else text


def _unquoted(run: re.Match[str]) -> str:
    first, *parts = run[0].encode().split(b"%")
    shown = {part: unquote_to_bytes(b"%" + part) for part in set(parts)}
    return (first + b"".join(map(shown.__getitem__, parts))).decode(errors="replace")


def unreferenced(text: str) -> str:
    """Return what ``html.unescape`` does."""
    first, *parts = text.split("&#")
    return html.unescape(first) + _each("&#", parts, html.unescape)


def unescaped(text: str) -> str:
    """Return a text with its escapes read; halves of surrogate pairs are put together."""
    first, *parts = text.split("\\")
    plain = first + _each("\\", parts, lambda part: ESCAPES.sub(_char, part))
    plain = plain.replace("\\n", "\n").replace("\\t", "\t")
    return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _each(sign: str, parts: list[str], read: Callable[[str], str]) -> str:
    """Read each part with the sign before it; equal ones, which are most, only once."""
    shown = {part: read(sign + part) for part in set(parts)}
    return "".join(map(shown.__getitem__, parts))


def numbers(text: str) -> Iterator[Hidden]:
    """Read pairs of hex digits and groups of eight bits, with white space or commas between."""
    for view, regexp, read in (("hex", LONG_PAIRS, hex_of), ("binary", LONG_BITS, _binary)):
        for run in islice(regexp.finditer(text), MOST):
            digits = run[0].replace("0x", "").encode().translate(None, BETWEEN)
            if (words := worded(read(digits))) is not None:
                yield Hidden(view, run.start(), run.end(), words)


def _binary(digits: bytes) -> bytes:
    size = len(digits) // 8
    return int(digits[: size * 8], 2).to_bytes(size)


def _char(match: re.Match[str]) -> str:
    digits = match[0][1:].strip("uUx{}")
    code = int(digits, 8 if match[0][1].isdigit() else 16)
    return chr(code) if code <= 0x10FFFF else ""  # noqa: PLR2004 - the last character


def _stretches(
    view: str, near: re.Pattern[str], text: str, read: Callable[[str], str]
) -> Iterator[Hidden]:
    """Yield the stretches in which numbers stand near each other, read with what is around."""
    for found in islice(near.finditer(text), MOST):
        start, end = max(0, found.start() - AROUND), min(len(text), found.end() + AROUND)
        yield Hidden(view, start, end, read(text[start:end]))
