"""The name of a text: a hash that tells it from every other and gives none of it away at a glance.

It is the same on every machine and in every ledger, so that what one user allowed can be shared.
Who guesses a text can check the guess; that is the price of a list that can be passed on.
"""

from hashlib import blake2b
from typing import Final

DIGITS: Final = 32
PERSON: Final = b"leash text"


def block_hash(text: str) -> str:
    """Return BLAKE2b of the text's UTF-8 bytes, 128 bits as 32 hexadecimal digits."""
    return blake2b(
        text.encode("utf-8", "replace"), digest_size=DIGITS // 2, person=PERSON
    ).hexdigest()
