"""Content codings, decoded piece by piece, alone or stacked (RFC 9110 section 8.4).

A decoder never raises. What was decoded before a fault is delivered; after it ``broken`` says what
happened and nothing more comes. A body may grow freely to ``FREE_BYTES`` and from there at most
``MAX_RATIO`` times what came in: ordinary text stays far below it, a decompression bomb does not.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from leash_addon.wire.codings import FAULTS, STAGES, Stage

FREE_BYTES = 16 * 1024 * 1024
"""A body may decode to this much, however small it came."""
MAX_RATIO = 200
"""Beyond that: bytes out per byte in, what comes out of the inner layers counted too."""
MOST_BYTES = 256 * 1024 * 1024
"""A request that decodes to more than this is no request: no provider takes half of it."""
MAX_CODINGS = 3
"""More codings on one body than this are taken for an attack."""


class Decoder(Protocol):
    """Decodes one body, fed in pieces of any size."""

    @property
    def broken(self) -> str | None:
        """Why nothing more is decoded, or that the body ended too early; ``None``: all is well."""
        ...

    def feed(self, chunk: bytes, /) -> bytes:
        """Return what the chunk decodes to so far; possibly nothing."""
        ...

    def close(self) -> bytes:
        """End the body and return what was still held back."""
        ...


def decoder(content_encoding: str, *, most: int | None = None) -> Decoder:
    """Return a decoder for a ``Content-Encoding`` value; the coding named last is the outermost.

    ``most``: bytes that the body may come to in the end, whatever its ratio; layers count.
    """
    names = [name.strip().lower() for name in content_encoding.split(",")]
    names = [name for name in names if name not in {"", "identity"}]
    if not names:
        return Identity()
    unknown = next((name for name in names if name not in STAGES), None)
    if unknown is not None:
        return Stack((), f"unknown content coding {unknown[:40]!r}")
    if len(names) > MAX_CODINGS:
        return Stack((), f"{len(names)} content codings on one body")
    return Stack(tuple(STAGES[name]() for name in reversed(names)), most=most)


class Identity:
    """Passes bytes as they are."""

    def __init__(self) -> None:
        """Start a body."""
        self.broken: str | None = None

    def feed(self, chunk: bytes, /) -> bytes:
        """Return the chunk."""
        return chunk

    def close(self) -> bytes:
        """Return nothing: nothing is held."""
        return b""


class Stack:
    """Runs a body through its codings, within the bounds of this module."""

    def __init__(
        self, stages: tuple[Stage, ...], broken: str | None = None, *, most: int | None = None
    ) -> None:
        """``stages``: the outermost coding first. ``broken``: why there are none."""
        self.broken = broken
        self._most = most
        self._stages = stages
        self._taken = 0
        self._given = 0

    def feed(self, chunk: bytes, /) -> bytes:
        """Return what the chunk decodes to, up to a fault or the bound."""
        if self.broken is not None:
            return b""
        self._taken += len(chunk)
        pieces: Iterable[bytes] = (chunk,)
        for stage in self._stages:
            pieces = self._through(stage, pieces)
        decoded: list[bytes] = []
        try:
            decoded.extend(pieces)  # what came before a fault stays in the list
        except FAULTS as fault:
            self.broken = f"the body cannot be decoded: {fault}"
        return b"".join(decoded)

    def close(self) -> bytes:
        """Say so if the body ended too early. Nothing is held back."""
        if self.broken is None and not all(stage.whole for stage in self._stages):
            self.broken = "the coded body ended in the middle"
        return b""

    def _through(self, stage: Stage, pieces: Iterable[bytes]) -> Iterator[bytes]:
        for coded in pieces:
            for piece in stage.decode(coded):
                self._given += len(piece)
                if self._given > self._bound:
                    self.broken = "the body is a decompression bomb"
                if self.broken is not None:
                    return
                yield piece

    @property
    def _bound(self) -> int:
        grown = max(FREE_BYTES, MAX_RATIO * self._taken)
        return grown if self._most is None else min(grown, self._most)
