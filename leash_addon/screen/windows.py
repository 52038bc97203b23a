"""Where a long text is cut: at white space if there is any near, else anywhere."""

import re
from collections.abc import Iterator
from typing import Final

SIZE: Final = 4096
"""Characters of one window at most; about 1 ms' work."""
NEAR: Final = 256
BLANK: Final = re.compile(r"\s")


def windows(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each window; together they are the whole text."""
    start = 0
    while len(text) - start > SIZE:
        end = start + SIZE
        blanks = [found.end() for found in BLANK.finditer(text, end - NEAR, end)]
        end = blanks[-1] if blanks else end
        yield start, end
        start = end
    yield start, len(text)
