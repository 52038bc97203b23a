"""Ways to write the same text; a rule that fires on it fires on all of them."""

from collections.abc import Mapping
from typing import Final

WIDE: Final = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}
UNSEEN: Final = "\u200b"
AS_WRITTEN: Final = "as written"


def variants(text: str) -> Mapping[str, str]:
    """Return how a text may be written otherwise, by the name of the way."""
    return {
        AS_WRITTEN: text,
        "in capitals": text.upper(),
        "in full width": text.translate(WIDE),
        "with doubled spaces": text.replace(" ", "  "),
        "split by zero-width spaces": "".join(
            char + UNSEEN if char.isalnum() else char for char in text
        ),
    }
