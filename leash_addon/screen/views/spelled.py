"""Letters one by one: ``i g n o r e   a l l``, ``i-g-n-o-r-e a-l-l``."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice, repeat
from typing import Final

from leash_addon.screen.views.hidden import Hidden

LETTERS: Final = r"(?:[^\pL\pN]|^)\pL(?:[ ._*|/~,\n-]{1,3}\pL){7}(?:[^\pL\pN]|$)"
RUNS: Final = re.compile(r"(?<!\w)[^\W\d_](?:[ ._*|/~,\n-]{1,3}[^\W\d_]){7,2000}(?!\w)")
PARTS: Final = re.compile(r"[^\W\d_]|[ ._*|/~,\n-]+")
SEVERAL: Final = re.compile(r"[ ._*|/~,\n-]{2,}")
SINGLE: Final = " ._*|/~,\n-"
MARK: Final = "\0"
MOST: Final = 8


def spelled(text: str) -> Iterator[Hidden]:
    """Put letters together; what usually parts them is dropped, anything else parts words."""
    for run in islice(RUNS.finditer(text), MOST):
        yield Hidden("spaced", run.start(), run.end(), together(run[0]))


def together(run: str) -> str:
    """Put letters together: one sign alone is what usually parts them, or all are counted."""
    letters, between = run[::2], run[1::2]
    if between == between[0] * len(between) and letters.isalpha():
        return letters
    marked = SEVERAL.sub(MARK, run)
    least, most = sorted((marked.count(char), char) for char in SINGLE)[-2:]
    if most[0] <= max(least[0], marked.count(MARK)):
        return sorted_out(run)
    return marked.translate(
        str.maketrans(SINGLE + MARK, " " * (len(SINGLE) + 1)) | {ord(most[1]): ""}
    )


def sorted_out(run: str) -> str:
    """Put letters together by counting everything that parts them."""
    parts = PARTS.findall(run)
    usual, _ = Counter(parts[1::2]).most_common(1)[0]
    parts[1::2] = map({usual: ""}.get, parts[1::2], repeat(" "))
    return "".join(parts)
