"""Whether decoded bytes are words, or only happened to decode."""

from typing import Final

SAMPLE: Final = 64
FEWEST: Final = 8
"""Characters below which nothing worth reading is hidden."""
UTF16: Final = b"\x00"


def worded(raw: bytes) -> str | None:
    """Return the text that bytes hold, or ``None``; UTF-8 or UTF-16 as PowerShell writes it."""
    if raw[1:8:2].count(UTF16) > 2 and raw[:8:2].count(UTF16) == 0:  # noqa: PLR2004 - most of 4
        text = raw.decode("utf-16-le", "ignore")
    else:
        text = raw.decode("utf-8", "ignore")
        if len(text.encode()) < len(raw) * 0.9:
            return None
    return text if len(text) >= FEWEST and reads(text[:SAMPLE]) else None


def reads(text: str) -> bool:
    """Tell whether nearly all characters can be printed, and most are letters or spaces."""
    printed = sum(char.isprintable() or char.isspace() for char in text)
    letters = sum(char.isalpha() or char.isspace() for char in text)
    return printed >= len(text) * 0.95 and letters >= len(text) * 0.6
