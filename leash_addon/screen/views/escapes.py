r"""Characters written by their numbers: ``%69``, ``&#105;``, ``\u0069``, ``69 67``, ``01101001``.

Only some letters of a text need be hidden so; a stretch is read with what stands around it.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from leash_addon.screen.views.hidden import Hidden
from leash_addon.screen.views.numbered import ESCAPE, unescaped, unquoted, unreferenced
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
PLUS: Final = r"[A-Za-z]\+[A-Za-z]{1,16}\+[A-Za-z]{1,16}\+[A-Za-z]"
PAIRS: Final = r"(?:0x)?[0-9A-Fa-f]{2}(?:[ ,:;\n-]{1,3}(?:0x)?[0-9A-Fa-f]{2}){11}"
BITS: Final = r"[01]{8}(?:[ ,\n]{0,2}[01]{8}){7}"

PLUSSED: Final = re.compile(PLUS)
THREE_URL, THREE_HTML, THREE_ESCAPE = (
    re.compile(rf"{atom}(?:[^\n]{{0,{NEAR}}}?{atom}){{2}}") for atom in (URL, HTML, ESCAPE)
)
"""As few numbers as hide something. Not for an automaton: it would have to know for each of the
last ``NEAR`` characters whether a number ended there, and hostile text shows it all those states.
"""
NEAR_URL, NEAR_HTML, NEAR_ESCAPE = (
    re.compile(rf"{atom}(?:.{{0,{NEAR}}}?{atom})*+", re.DOTALL) for atom in (URL, HTML, ESCAPE)
)
"""Numbers that stand near each other, and what stands between them."""
LONG_PAIRS: Final = re.compile(PAIRS.replace("{11}", "{11,4000}+"))
LONG_BITS: Final = re.compile(BITS.replace("{7}", "{7,2000}+"))
BETWEEN: Final = bytes(set(range(128)) - set(b"0123456789ABCDEFabcdef"))
PLUSES: Final = re.compile(r"[A-Za-z0-9+%._'-]{8,2000}")


def url(text: str) -> Iterator[Hidden]:
    """Read percent signs, and plus signs between words as in a query."""
    has_plus = text.count("+") > FEW
    if not (THREE_URL.search(text) or (has_plus and PLUSSED.search(text))):
        return
    yield from _stretches("url", NEAR_URL, text, unquoted)
    if has_plus:
        runs = (run for run in PLUSES.finditer(text) if run[0].count("+") > FEW)
        for run in islice(runs, MOST):
            yield Hidden("url", run.start(), run.end(), unquoted(run[0]))


def entities(text: str) -> Iterator[Hidden]:
    """Read numeric HTML entities; named ones are what any page is made of."""
    if THREE_HTML.search(text):
        yield from _stretches("html", NEAR_HTML, text, unreferenced)


def escapes(text: str) -> Iterator[Hidden]:
    r"""Read the escapes of JSON, JavaScript, Python and C, and ``\n`` beside them."""
    if THREE_ESCAPE.search(text):
        yield from _stretches("escape", NEAR_ESCAPE, text, unescaped)


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


def _stretches(
    view: str, near: re.Pattern[str], text: str, read: Callable[[str], str]
) -> Iterator[Hidden]:
    """Yield the stretches in which numbers stand near each other, read with what is around."""
    for found in islice(near.finditer(text), MOST):
        start, end = max(0, found.start() - AROUND), min(len(text), found.end() + AROUND)
        yield Hidden(view, start, end, read(text[start:end]))
