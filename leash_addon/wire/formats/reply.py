"""What was answered, as a fingerprint: it tells identical replies apart from new ones.

Whitespace is folded in text and dropped in tool arguments, so that a reply has one fingerprint
whether it came whole or in pieces, indented or not. Thinking is not part of it. Nothing of the
text is kept: it is hashed as it comes, a few kilobytes at a time.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Final, override

from msgspec.json import encode

from leash_addon.core.loops import ToolCall

SIZE: Final = 16
BLANKS: Final = bytes.maketrans(b"\t\n\v\f\r", b"     ")
MOST: Final = 256
"""Choices, and tool calls, that are told apart; all beyond them count as one."""

LONGEST_KEPT: Final = 16_384
"""Characters of a call's arguments that are kept until its answer ends, to tell loops by."""

FOLD_AT: Final = 4096
"""Characters that are gathered before they are folded and hashed: hashing each piece is slower."""


class _Fold:
    """A hash over text with its whitespace folded (``joint`` a blank) or dropped (empty)."""

    __slots__ = ("_gap", "_hash", "_joint", "gathered", "held", "started")

    def __init__(self, joint: bytes) -> None:
        self._hash = blake2b(digest_size=SIZE)
        self.gathered: list[str] = []
        self.held = 0
        self._joint = joint
        self._gap = False
        self.started = False

    def add(self, piece: str) -> None:
        self.gathered.append(piece)
        self.held += len(piece)
        if self.held >= FOLD_AT:
            self.fold()

    def digest(self) -> bytes:
        self.fold()
        return self._hash.digest()

    def fold(self) -> None:
        batch = "".join(self.gathered).encode("utf-8", "replace").translate(BLANKS)
        self.gathered.clear()
        self.held = 0
        text = _collapsed(batch.strip(b" "), self._joint)
        if not text:
            self._gap = self._gap or bool(batch)
            return
        if self.started and (self._gap or batch[:1] == b" "):
            self._hash.update(self._joint)
        self._hash.update(text)
        self._gap = batch[-1:] == b" "
        self.started = True


def _collapsed(text: bytes, joint: bytes) -> bytes:
    """Fold each run of blanks into ``joint``; a few passes over bytes beat splitting into words."""
    if not joint:
        return text.replace(b" ", b"")
    while b"  " in text:
        text = text.replace(b"  ", b" ")
    return text


class _Call:
    """One tool call."""

    __slots__ = ("fold", "kept", "name", "size")

    def __init__(self) -> None:
        self.name: str | None = None
        self.kept: list[str] = []
        self.size = 0
        self.fold = _Fold(b"")

    def digest(self) -> bytes:
        name = (self.name or "").encode("utf-8", "replace")
        return b"c" + blake2b(name, digest_size=SIZE).digest() + self.fold.digest()


class Reply:
    """Text and tool calls of one answer, in pieces as they come.

    ``text_bytes``: UTF-8 bytes of answer text and tool arguments so far.
    """

    __slots__ = ("_calls", "_texts", "text_bytes")

    def __init__(self) -> None:
        """Begin an empty reply."""
        self._texts: dict[int, _Fold] = {}
        self._calls: dict[object, _Call] = {}
        self.text_bytes = 0

    def text(self, piece: str, choice: int = 0) -> None:
        """Take a piece of text of one choice."""
        size = len(piece)
        self.text_bytes += size if piece.isascii() else _size(piece)
        fold = self._texts.get(choice)
        if fold is None:
            fold = self._texts.setdefault(choice if len(self._texts) < MOST else 0, _Fold(b" "))
        fold.gathered.append(piece)
        fold.held += size
        if fold.held >= FOLD_AT:
            fold.fold()

    def call(self, key: object, name: str | None = None, arguments: object = None) -> None:
        """Take a piece of the tool call ``key``: its name, a piece of its arguments, or both.

        Arguments that are not text (an object, as some providers send) are written as JSON.
        """
        known = self._calls.get(key)
        if known is None:
            known = self._calls.setdefault(key if len(self._calls) < MOST else None, _Call())
        known.name = known.name or name
        if arguments is None:
            return
        piece = arguments if isinstance(arguments, str) else encode(arguments).decode()
        self.text_bytes += _size(piece)
        known.fold.add(piece)
        if known.size < LONGEST_KEPT:
            known.kept.append(piece[: LONGEST_KEPT - known.size])
        known.size += len(piece)

    def tools(self) -> tuple[ToolCall, ...]:
        """Return the tool calls, the first ``LONGEST_KEPT`` characters of their arguments."""
        return tuple(
            ToolCall(
                name=call.name or "",
                arguments="".join(call.kept),
                digest=call.fold.digest() if call.size > LONGEST_KEPT else b"",
            )
            for call in self._calls.values()
        )

    def seen(self, piece: str) -> None:
        """Count text that is not fingerprinted (thinking)."""
        self.text_bytes += _size(piece)

    def fingerprint(self) -> str | None:
        """Return the fingerprint as hex; ``None`` when there was neither text nor a tool call."""
        texts = [(choice, self._texts[choice]) for choice in sorted(self._texts)]
        parts = [b"t%d" % choice + fold.digest() for choice, fold in texts if _wrote(fold)]
        parts += sorted(call.digest() for call in self._calls.values())
        return blake2b(b"".join(parts), digest_size=SIZE).hexdigest() if parts else None


class HeardReply(Reply):
    """A reply whose text somebody listens to, piece by piece."""

    __slots__ = ("_hear",)

    def __init__(self, hear: Callable[[str, int], None]) -> None:
        """``hear``: takes each piece of text, with the choice that it belongs to."""
        super().__init__()
        self._hear = hear

    @override
    def text(self, piece: str, choice: int = 0) -> None:
        super().text(piece, choice)
        self._hear(piece, choice)


def _wrote(fold: _Fold) -> bool:
    fold.digest()
    return fold.started


def _size(piece: str) -> int:
    return len(piece) if piece.isascii() else len(piece.encode("utf-8", "replace"))
