"""Takes a provider's key out of what comes back, whatever the pieces it comes in.

Each occurrence, plain or percent-encoded, becomes stars of the same length, so that no framing
changes. What may be the beginning of a key at the end of a piece is held back when it is longer
than any text has by chance; what was given of a key that then turns out whole is but its first
letters. A content coding is undone first.
"""

import re
from urllib.parse import quote

from leash_addon.wire.coding import decoder

LOOSE = 8
"""Bytes of a key's beginning that pass at the end of a piece: ``sk-proj-`` gives nothing away, and
a stream must not stall over an ``s``."""


class Scrubber:
    """One body (or many, one after the other) that a key must not be in."""

    def __init__(self, secret: str) -> None:
        """Look for this key."""
        forms = {secret.encode(), quote(secret, safe="").encode()}
        self._forms = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, self._forms)))
        self.begin("")

    def begin(self, coding: str) -> bool:
        """Start a body of this ``Content-Encoding``; ``False``: it cannot be undone."""
        self._given = self._held = b""
        self._decoder = decoder(coding)
        return self._decoder.broken is None

    @property
    def broken(self) -> str | None:
        """Why the coding cannot be undone any further."""
        return self._decoder.broken

    def feed(self, piece: bytes) -> bytes:
        """Return what may pass now, possibly nothing."""
        text = self.clean(self._given + self._held + self._decoder.feed(piece))
        given = len(self._given)
        begins = len(text) - max(_overlap(text, form) for form in self._forms)
        end = len(text) if len(text) - begins <= LOOSE else max(given, begins)
        self._given, self._held = text[begins:end], text[end:]
        return text[given:end]

    def close(self) -> bytes:
        """Return what was held back."""
        held, self._held = self._held + self._decoder.close(), b""
        whole = len(self._given) + len(held)
        return b"*" * len(held) if 2 * whole > len(self._forms[-1]) else held

    def clean(self, text: bytes) -> bytes:
        """Return a whole text without the key."""
        return self._pattern.sub(lambda found: b"*" * len(found[0]), text)

    def clean_text(self, text: str) -> str:
        """Return a whole text without the key."""
        return self.clean(text.encode("utf-8", "surrogateescape")).decode(
            "utf-8", "surrogateescape"
        )


def _overlap(text: bytes, form: bytes) -> int:
    """Return how many bytes at a text's end may be the beginning of a form."""
    longest = min(len(text), len(form) - 1)
    start = len(text) - longest
    first = form[:1]
    while (start := text.find(first, start)) != -1:
        if form.startswith(text[start:]):
            return len(text) - start
        start += 1
    return 0
