"""The texts of requests, of every wire format: what screening looks at.

One module per family of formats reads its messages; ``pieces`` is the one table of them.
"""

from leash_addon.wire.texts.pieces import (
    FORMATS,
    NAMES,
    Piece,
    asks_for_words,
    pieces,
    put_together,
    texts_in,
)
from leash_addon.wire.texts.text import Leaf, Path, Text

__all__ = [
    "FORMATS",
    "NAMES",
    "Leaf",
    "Path",
    "Piece",
    "Text",
    "asks_for_words",
    "pieces",
    "put_together",
    "texts_in",
]
