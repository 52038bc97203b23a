"""Whether decoded bytes are words, or only happened to decode."""

import string
from typing import Final

SAMPLE: Final = 64
HEAD: Final = 320
"""Bytes that nearly always hold so many characters, if they are text."""
FEWEST: Final = 8
"""Characters below which nothing worth reading is hidden."""
UTF16: Final = b"\x00"
BLANK: Final = b"\t\n\v\f\r\x1c\x1d\x1e\x1f "
LETTERS: Final = string.ascii_letters.encode() + BLANK
PRINTED: Final = bytes(range(32, 127)) + BLANK


def worded(raw: bytes) -> str | None:
    """Return the text that bytes hold, or ``None``; UTF-8 or UTF-16 as PowerShell writes it.

    Of many bytes no more is decoded than their head, if that does not read.
    """
    is_wide = raw[1:8:2].count(UTF16) > 2 and raw[:8:2].count(UTF16) == 0  # noqa: PLR2004 - of 4
    coded = "utf-16-le" if is_wide else "utf-8"
    text = raw[:HEAD].decode(coded, "ignore")
    if len(raw) > HEAD:
        if len(text) > SAMPLE and not reads(text[:SAMPLE]):
            return None
        text = raw.decode(coded, "ignore")
    if len(text) < FEWEST or not (is_wide or len(text.encode()) >= len(raw) * 0.9):
        return None
    return text if reads(text[:SAMPLE]) else None


def reads(text: str) -> bool:
    """Tell whether nearly all characters can be printed, and most are letters or spaces."""
    if text.isascii():
        raw = text.encode()
        odd, signs = len(raw.translate(None, PRINTED)), len(raw.translate(None, LETTERS))
    else:
        blank = sum(map(str.isspace, text))
        odd = len(text) - sum(map(str.isprintable, text)) - blank + text.count(" ")
        signs = len(text) - sum(map(str.isalpha, text)) - blank
    size = len(text)
    return size - odd >= size * 0.95 and size - signs >= size * 0.6
