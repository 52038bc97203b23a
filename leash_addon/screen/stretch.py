"""What of a long text is being read: the newest window and the tail of what came before."""

from typing import Final, NamedTuple

from leash_addon.screen.spacing import joined

TAIL: Final = 256
"""Characters of folded text that are read again with the next window: a rule's longest match."""


class Stretch(NamedTuple):
    """Folded text and where it comes from: the characters ``start`` to ``end`` of the whole.

    ``newest``: the last window's own folded text, from ``seam`` on. The first ``unread`` characters
    of ``folded`` are there for the way back only.
    """

    start: int = 0
    seam: int = 0
    end: int = 0
    folded: str = ""
    newest: str = ""
    unread: int = 0

    @property
    def read(self) -> str:
        """Return what rules read."""
        return self.folded[self.unread :]

    def reaching(self, end: int, folded: str) -> "Stretch":
        """Add the next window, up to ``end``; forget what lies before the last, if that is long."""
        enough = len(self.newest) >= TAIL
        before = self.newest if enough else self.folded
        return Stretch(
            start=self.seam if enough else self.start,
            seam=self.end,
            end=end,
            folded=joined(before, folded),
            newest=folded,
            unread=max(0, len(before) - TAIL),
        )
