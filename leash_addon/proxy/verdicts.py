"""What screening made of the pieces of requests: remembered, because agents send them again.

A piece is known by what reads it, a keyed 64-bit hash (Python's SipHash, behind a secret of ours)
and its length: fast enough for a history of half a megabyte, and nobody outside can aim at a
collision. The same bytes may be the system's words in one member and the user's in another.
Bounded in number and in bytes; what was forgotten is screened again, with the same result.
"""

import secrets
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

from leash_addon.core.part import Part
from leash_addon.core.screening import Action, Found
from leash_addon.proxy.acting import Blocked
from leash_addon.screen.finding import Finding

MOST: Final = 65_536
"""Pieces, and as many texts: some 20 MB."""

MOST_BYTES: Final = 32 * 1024 * 1024
"""Rewritten pieces that are kept as they go out, and what was found in them."""

TEXT_BYTES: Final = 1024
"""What a text in which something was found takes, more or less."""

type Key = tuple[str, Hashable, int, int]
type TextKey = tuple[str, Part, Action, str]
"""A run, a part, what is done, and the text's hash."""

type BlockKey = tuple[Part, str]
"""A part, and the text's hash: the same in every run, as an agent's system prompt is."""


@dataclass(slots=True)
class Noted:
    """Whether what was found in a text is on record for its run."""

    done: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One text: what was found in it, and why it refuses. ``noted``: shared by its copies."""

    found: tuple[Found, ...] = ()
    blocked: Blocked | None = None
    noted: Noted = field(default_factory=Noted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One piece: its texts that have findings, and what goes out instead of it."""

    judged: tuple[Judged, ...] = ()
    raw: bytes | None = None


CLEAN: Final = Verdict()
"""Shared by the many pieces in which nothing was found."""


@dataclass(slots=True)
class Verdicts:
    """The memory of one proxy."""

    _salt: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _pieces: OrderedDict[Key, Verdict] = field(default_factory=OrderedDict)
    _texts: OrderedDict[TextKey, Judged] = field(default_factory=OrderedDict)
    _fired: OrderedDict[BlockKey, tuple[Finding, ...]] = field(default_factory=OrderedDict)
    _bytes: int = 0

    def key(self, run: str, reader: Hashable, raw: bytes) -> Key:
        """Return what a piece is known by. ``reader``: what makes texts of it."""
        return run, reader, hash(b"".join((self._salt, raw))), len(raw)

    def find(self, key: Key) -> Verdict | None:
        """Return what was made of a piece; ``None``: it is new, or was forgotten."""
        found = self._pieces.get(key)
        if found is not None:
            self._pieces.move_to_end(key)
        return found

    def keep(self, key: Key, verdict: Verdict) -> None:
        """Remember a piece; the ones that were not seen for longest make room."""
        before = self._pieces.pop(key, CLEAN)
        self._bytes += _bytes(verdict) - _bytes(before)
        self._pieces[key] = verdict
        while len(self._pieces) > MOST or self._bytes > MOST_BYTES:
            _, gone = self._pieces.popitem(last=False)
            self._bytes -= _bytes(gone)

    def find_text(self, key: TextKey) -> Judged | None:
        """Return what was made of a text, wherever it stood."""
        found = self._texts.get(key)
        if found is not None:
            self._texts.move_to_end(key)
        return found

    def keep_text(self, key: TextKey, judged: Judged) -> None:
        """Remember a text."""
        self._texts[key] = judged
        while len(self._texts) > MOST:
            self._texts.popitem(last=False)

    def fired(self, key: BlockKey) -> tuple[Finding, ...] | None:
        """Return what fired on a text in any run; ``None``: nobody has screened it."""
        found = self._fired.get(key)
        if found is not None:
            self._fired.move_to_end(key)
        return found

    def keep_fired(self, key: BlockKey, found: tuple[Finding, ...]) -> None:
        """Remember what fired on a text, whoever sends it again."""
        self._fired[key] = found
        while len(self._fired) > MOST:
            self._fired.popitem(last=False)


def _bytes(verdict: Verdict) -> int:
    return len(verdict.raw or b"") + TEXT_BYTES * len(verdict.judged)
