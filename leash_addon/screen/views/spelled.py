"""Letters one by one: ``i g n o r e   a l l``, ``i-g-n-o-r-e a-l-l``."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

from leash_addon.screen.views.hidden import Hidden

LETTERS: Final = r"(?:[^\pL\pN]|^)\pL(?:[ ._*|/~,\n-]{1,3}\pL){7}(?:[^\pL\pN]|$)"
RUNS: Final = re.compile(r"(?<!\w)[^\W\d_](?:[ ._*|/~,\n-]{1,3}[^\W\d_]){7,2000}(?!\w)")
PARTS: Final = re.compile(r"[^\W\d_]|[ ._*|/~,\n-]+")
MOST: Final = 8


def spelled(text: str) -> Iterator[Hidden]:
    """Put letters together; what usually parts them is dropped, anything else parts words."""
    for run in islice(RUNS.finditer(text), MOST):
        parts = PARTS.findall(run[0])
        usual, _ = Counter(parts[1::2]).most_common(1)[0]
        words = "".join(
            part if n % 2 == 0 else "" if part == usual else " " for n, part in enumerate(parts)
        )
        yield Hidden("spaced", run.start(), run.end(), words)
