"""The content codings themselves, each decoding into pieces of bounded size.

Sources: RFC 1950-1952 (zlib, deflate, gzip), RFC 7932 (br), RFC 8878 (zstd). Bytes after the end
of a coded body are ignored where they are no new gzip member or zstd frame, as browsers do.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

import brotli
import zstandard

FAULTS = (zlib.error, brotli.error, zstandard.ZstdError)
"""What decoding raises on bytes that are not of the coding."""

PIECE = 64 * 1024
"""Bytes decoded at a time."""
ZSTD_SLICE = 1024
"""Coded bytes given to zstd at a time: it has no bound of its own, and 4 bytes can mean 128 KiB."""
MAX_WINDOW_BYTES = 32 * 1024 * 1024
"""The largest zstd window that is granted; RFC 9659 allows 8 MiB on the web."""

GZIP_WBITS, ZLIB_WBITS, RAW_WBITS = 31, 15, -15
GZIP_MAGIC = b"\x1f"
ZSTD_MAGICS = (b"\x28", *(bytes([low]) for low in range(0x50, 0x60)))
"""First bytes of a frame and of the sixteen kinds of skippable frame."""


class Stage(Protocol):
    """One coding of one body. Raises one of ``FAULTS``."""

    @property
    def whole(self) -> bool:
        """Tell whether the coded bytes may end here."""
        ...

    def decode(self, coded: bytes, /) -> Iterator[bytes]:
        """Yield what comes out."""
        ...


class Gzip:
    """Gzip members in a row."""

    def __init__(self) -> None:
        """Start before the first member."""
        self.whole = True
        self._member: zlib._Decompress | None = None
        self._first = True

    def decode(self, coded: bytes, /) -> Iterator[bytes]:
        """Yield what comes out, member after member."""
        while coded:
            if self._member is None:
                if not (self._first or coded.startswith(GZIP_MAGIC)):
                    return
                self._member = zlib.decompressobj(GZIP_WBITS)
                self._first = self.whole = False
            yield from _inflated(self._member, coded)
            if not self._member.eof:
                return
            coded, self._member, self.whole = self._member.unused_data, None, True


class Deflate:
    """A zlib stream, as the name means, or a raw one, as some servers send: two bytes tell."""

    def __init__(self) -> None:
        """Start before the first byte."""
        self._start = b""
        self._stream: zlib._Decompress | None = None

    @property
    def whole(self) -> bool:
        """Tell whether the stream has ended, or never begun."""
        return self._stream.eof if self._stream else not self._start

    def decode(self, coded: bytes, /) -> Iterator[bytes]:
        """Yield what comes out."""
        if self._stream is None:
            coded, self._start = self._start + coded, b""
            if len(coded) < 2:  # noqa: PLR2004 - a zlib header's length
                self._start = coded
                return
            zlib_header = coded[0] & 15 == 8 and int.from_bytes(coded[:2]) % 31 == 0  # noqa: PLR2004 - RFC 1950, 2.2
            self._stream = zlib.decompressobj(ZLIB_WBITS if zlib_header else RAW_WBITS)
        if not self._stream.eof:
            yield from _inflated(self._stream, coded)


class Brotli:
    """One brotli stream."""

    def __init__(self) -> None:
        """Start before the first byte."""
        self._stream = brotli.Decompressor()
        self._begun = False

    @property
    def whole(self) -> bool:
        """Tell whether the stream has ended, or never begun."""
        return not self._begun or bool(self._stream.is_finished())

    def decode(self, coded: bytes, /) -> Iterator[bytes]:
        """Yield what comes out."""
        if not coded or self._stream.is_finished():
            return
        self._begun = True
        piece = self._stream.process(coded, output_buffer_limit=PIECE)
        while piece:
            yield piece
            piece = self._stream.process(b"", output_buffer_limit=PIECE)


class Zstd:
    """Zstandard frames in a row."""

    def __init__(self) -> None:
        """Start before the first frame."""
        self.whole = True
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._first = True

    def decode(self, coded: bytes, /) -> Iterator[bytes]:
        """Yield what comes out, frame after frame."""
        for at in range(0, len(coded), ZSTD_SLICE):
            yield from self._slice(coded[at : at + ZSTD_SLICE])

    def _slice(self, coded: bytes) -> Iterator[bytes]:
        while coded:
            if self._frame is None:
                if not (self._first or coded.startswith(ZSTD_MAGICS)):
                    return
                self._frame = zstandard.ZstdDecompressor(
                    max_window_size=MAX_WINDOW_BYTES
                ).decompressobj()
                self._first = self.whole = False
            yield self._frame.decompress(coded)
            if not self._frame.eof:
                return
            coded, self._frame, self.whole = self._frame.unused_data, None, True


def _inflated(stream: "zlib._Decompress", coded: bytes) -> Iterator[bytes]:
    piece = stream.decompress(coded, PIECE)
    yield piece
    while not stream.eof and (stream.unconsumed_tail or len(piece) == PIECE):
        piece = stream.decompress(stream.unconsumed_tail, PIECE)
        yield piece


STAGES: Mapping[str, Callable[[], Stage]] = MappingProxyType(
    {
        "gzip": Gzip,
        "x-gzip": Gzip,
        "deflate": Deflate,
        "br": Brotli,
        "zstd": Zstd,
    }
)
