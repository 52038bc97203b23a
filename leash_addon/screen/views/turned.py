"""The whole text turned: every letter by 13 places, back to front, each word back to front."""

from collections.abc import Iterator
from typing import Final

from leash_addon.screen.views.hidden import Hidden

LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
ROT13: Final = bytes.maketrans(LOWER.encode(), (LOWER[13:] + LOWER[:13]).encode())


def turned(folded: str) -> Iterator[Hidden]:
    """Yield a folded text turned each way; the characters are as many."""
    size = len(folded)
    yield Hidden("rot13", 0, size, folded.encode().translate(ROT13).decode())
    backwards = folded[::-1]
    yield Hidden("reversed", 0, size, backwards)


def origin(view: str, size: int, start: int, end: int) -> tuple[int, int]:
    """Return where in the folded text a stretch of the turned one comes from."""
    return (start, end) if view == "rot13" else (size - end, size - start)
