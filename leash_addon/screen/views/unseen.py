"""Text in characters that nobody sees: tags, variation selectors, zero-width characters.

Tag characters mirror ASCII at U+E0000 (https://www.unicode.org/charts/PDF/UE0000.pdf); 256
variation selectors can stand for the 256 bytes; two zero-width characters for bits, and one for a
space between words.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from leash_addon.screen.views.hidden import Hidden
from leash_addon.screen.views.wording import worded

TAG: Final = r"[\x{e0020}-\x{e007e}]"
SELECTORS: Final = r"[\x{fe00}-\x{fe0f}\x{e0100}-\x{e01ef}]{4}"
BETWEEN: Final = r"\pL[\x{200b}-\x{200f}\x{2060}-\x{2064}\x{feff}\x{ad}]{1,4}\pL"
BITS: Final = r"[\x{200b}-\x{200d}\x{2060}-\x{2064}\x{feff}]{32}"

TAGS: Final = re.compile("[\U000e0020-\U000e007e]+")
FLAG: Final = "\U0001f3f4"
FLAGS: Final = re.compile(FLAG + "[\U000e0020-\U000e007e]{1,6}\U000e007f")
SELECTOR_RUNS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
FIRST: Final = "".join(map(chr, range(0xFE00, 0xFE10)))
"""Selectors that stand for the bytes below 16; from U+E0100 on they go on with byte 16."""
LOWERED: Final = tuple(chr(0xE00F0 + byte) for byte in range(16))
BYTES: Final = bytes((low + 16) % 256 for low in range(256))
"""Low byte of a code point -> the byte, once ``FIRST`` are written as ``LOWERED``."""
ZERO_WIDTH: Final = (*map(chr, (*range(0x200B, 0x2010), *range(0x2060, 0x2065), 0xFEFF)), "\u00ad")
WIDEST: Final = 4
"""Unseen characters that together are one space."""
BIT_RUNS: Final = re.compile("[\u200b-\u200d\u2060-\u2064\ufeff]{32,}")
FEWEST: Final = 3
MOST: Final = 8


def tags(text: str) -> Iterator[Hidden]:
    """Put all tag characters together, but for those of regional flags."""
    if FLAG in text:
        text = FLAGS.sub(lambda flag: "\u2060" * len(flag[0]), text)
    found = "".join(TAGS.findall(text))
    if len(found) >= FEWEST:
        start, end = text.index(found[0]), text.rindex(found[-1]) + 1
        yield Hidden("tags", start, end, _low_bytes(found).decode("latin-1"))


def selectors(text: str) -> Iterator[Hidden]:
    """Read runs of variation selectors as bytes."""
    for run in islice(SELECTOR_RUNS.finditer(text), MOST):
        if (words := worded(_selected(run[0]))) is not None:
            yield Hidden("variation", run.start(), run.end(), words)


def _selected(run: str) -> bytes:
    for char, lowered in zip(FIRST, LOWERED, strict=True):
        run = run.replace(char, lowered)
    return _low_bytes(run).translate(BYTES)


def _low_bytes(text: str) -> bytes:
    return text.encode("utf-32-le")[::4]


def between(text: str) -> Iterator[Hidden]:
    """Read unseen characters as the spaces between words."""
    shown = text
    for char in ZERO_WIDTH[1:]:
        shown = shown.replace(char, ZERO_WIDTH[0])
    for width in range(WIDEST, 0, -1):
        shown = shown.replace(ZERO_WIDTH[0] * width, " ")
    yield Hidden("invisible", 0, len(text), shown)


def bits(text: str) -> Iterator[Hidden]:
    """Read runs of two unseen characters as bits, either way round."""
    for run in islice(BIT_RUNS.finditer(text), MOST):
        kinds = sorted(set(run[0]))
        if len(kinds) != 2:  # noqa: PLR2004 - zero and one
            continue
        size = len(run[0]) // 8
        for one, zero in (kinds, kinds[::-1]):
            digits = run[0][: size * 8].replace(one, "1").replace(zero, "0")
            if (words := worded(int(digits, 2).to_bytes(size))) is not None:
                yield Hidden("invisible", run.start(), run.end(), words)
