"""What of a long text is being read: the newest window and the tail of what came before."""

from typing import Final, NamedTuple

from leash_addon.screen.spacing import WHITE, joined

TAIL: Final = 256
"""Characters of folded text that are read again with the next window: a rule's longest match."""


class Piece(NamedTuple):
    """A window of the text as given, and its folded text without white space at its ends."""

    start: int
    end: int
    folded: str


class Stretch(NamedTuple):
    """Folded text that rules read, and the windows that it comes from.

    ``pieces``: none that is all white space or unseen, and no more than ``read`` needs; the first
    may begin before it.
    """

    pieces: tuple[Piece, ...] = ()
    read: str = ""

    def reaching(self, start: int, end: int, folded: str) -> "Stretch":
        """Add the next window; forget what lies before the tail."""
        shown = folded.strip(WHITE)
        pieces = (*_needed(self.pieces), Piece(start, end, shown)) if shown else self.pieces
        return Stretch(pieces, joined(self.read[-TAIL:], folded))


def _needed(pieces: tuple[Piece, ...]) -> tuple[Piece, ...]:
    """Leave out what lies before the tail."""
    size = 0
    for at in range(len(pieces) - 1, -1, -1):
        size += len(pieces[at].folded)
        if size >= TAIL:
            return pieces[at:]
    return pieces
