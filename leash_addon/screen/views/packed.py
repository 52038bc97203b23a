"""Bytes as printable letters have them: base64, base32, hex, ASCII85.

Base32 and base64 are RFC 4648 (https://www.rfc-editor.org/rfc/rfc4648, 2006-10). The functions of
``base64`` for base32 and ASCII85 go letter by letter; these do not. What cannot be decoded is no
bytes.
"""

import binascii
import struct
from typing import Final

URLSAFE: Final = bytes.maketrans(b"-_", b"+/")
DIGITS32: Final = bytes.maketrans(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHIJKLMNOPQRSTUV"
)
"""RFC 4648's digits as ``int`` has them."""
WHOLE32: Final = frozenset({0, 2, 4, 5, 7})
"""Letters of base32 beyond eights that can be the end."""
BLANK85: Final = b" \t\n\r\v"
DIGITS85: Final = bytes(range(ord("!"), ord("u") + 1))
SHIFTED85: Final = bytes(max(0, code - ord("!")) for code in range(256))
ZEROS: Final = b"z"
FILLED: Final = b"!!!!!"


def hex_of(digits: bytes) -> bytes:
    """Decode pairs of hex digits; an odd one is dropped."""
    return binascii.unhexlify(digits[: len(digits) // 2 * 2])


def base64_of(letters: bytes) -> bytes:
    """Decode base64 in either alphabet, without its padding; a letter too many is dropped."""
    bare = letters[: len(letters) - (len(letters) % 4 == 1)].translate(URLSAFE)
    try:
        return binascii.a2b_base64(bare + b"=" * (-len(bare) % 4))
    except binascii.Error:
        return b""


def base32_of(letters: bytes) -> bytes:
    """Decode base32 without its padding; letters that cannot be the end are dropped."""
    extra = len(letters) % 8
    bare = letters if extra in WHOLE32 else letters[:-extra]
    bits = len(bare) * 5
    return (int(bare.translate(DIGITS32) or b"0", 32) >> bits % 8).to_bytes(bits // 8)


def ascii85_of(text: str) -> bytes:
    """Decode what stands between ``<~`` and ``~>``, as ``base64.a85decode`` does."""
    letters = text.encode("ascii", "replace").translate(None, BLANK85)
    if not text.isascii() or letters.translate(None, DIGITS85 + ZEROS):
        return b""
    apart = letters.split(ZEROS)
    if any(len(each) % 5 for each in apart[:-1]):
        return b""
    padding = -len(apart[-1]) % 5
    filled = (FILLED.join(apart) + b"u" * padding).translate(SHIFTED85)
    five = (filled[place::5] for place in range(5))
    words = [
        (((a * 85 + b) * 85 + c) * 85 + d) * 85 + e for a, b, c, d, e in zip(*five, strict=True)
    ]
    try:
        return struct.pack(f">{len(words)}I", *words)[: len(words) * 4 - padding]
    except struct.error:
        return b""
