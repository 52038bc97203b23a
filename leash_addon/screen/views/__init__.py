"""Ways to hide a text, and to read it all the same; judged by strict rules only."""

from typing import Final

VIEWS: Final = (
    "base64",
    "base32",
    "base85",
    "hex",
    "binary",
    "url",
    "html",
    "escape",
    "tags",
    "variation",
    "invisible",
    "spaced",
    "rot13",
    "reversed",
)
"""Names of the views, as findings and rules have them."""
