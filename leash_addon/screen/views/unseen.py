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
FLAGS: Final = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,6}\U000e007f")
SELECTOR_RUNS: Final = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
ZERO_WIDTH: Final = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u00ad]{1,4}")
BIT_RUNS: Final = re.compile("[\u200b-\u200d\u2060-\u2064\ufeff]{32,}")
SHOWN: Final = {code: code - 0xE0000 for code in range(0xE0020, 0xE007F)}
BYTES: Final = {
    code: byte for byte, code in enumerate((*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
}
FEWEST: Final = 3
MOST: Final = 8


def tags(text: str) -> Iterator[Hidden]:
    """Put all tag characters together, but for those of regional flags."""
    text = FLAGS.sub(lambda flag: "\u2060" * len(flag[0]), text)
    found = "".join(TAGS.findall(text))
    if len(found) >= FEWEST:
        start, end = text.index(found[0]), text.rindex(found[-1]) + 1
        yield Hidden("tags", start, end, found.translate(SHOWN))


def selectors(text: str) -> Iterator[Hidden]:
    """Read runs of variation selectors as bytes."""
    for run in islice(SELECTOR_RUNS.finditer(text), MOST):
        if (words := worded(run[0].translate(BYTES).encode("latin-1"))) is not None:
            yield Hidden("variation", run.start(), run.end(), words)


def between(text: str) -> Iterator[Hidden]:
    """Read unseen characters as the spaces between words."""
    yield Hidden("invisible", 0, len(text), ZERO_WIDTH.sub(" ", text))


def bits(text: str) -> Iterator[Hidden]:
    """Read runs of two unseen characters as bits, either way round."""
    for run in islice(BIT_RUNS.finditer(text), MOST):
        kinds = sorted(set(run[0]))
        if len(kinds) != 2:  # noqa: PLR2004 - zero and one
            continue
        for one in kinds:
            digits = "".join("1" if char == one else "0" for char in run[0])
            raw = bytes(int(digits[at : at + 8], 2) for at in range(0, len(digits) - 7, 8))
            if (words := worded(raw)) is not None:
                yield Hidden("invisible", run.start(), run.end(), words)
