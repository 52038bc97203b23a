"""Where a long text is cut: at white space if there is any near, else anywhere."""

from collections.abc import Iterator
from typing import Final

SIZE: Final = 3072
"""Characters of one window at most: half a millisecond's work, the worst ten times that."""
NEAR: Final = 256


def windows(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each window; together they are the whole text."""
    start = 0
    while len(text) - start > SIZE:
        end = start + SIZE
        near = text[end - NEAR : end]
        if not near[-1].isspace():
            rest = len(near.rsplit(maxsplit=1)[-1])
            end -= rest if rest < NEAR else 0
        yield start, end
        start = end
    yield start, len(text)
