"""Long runs of letters and digits: base64, base32, hex, and ASCII85 between its brackets.

Nearly all runs of ordinary text are names and addresses, so what is done for each is little: in
the text as ASCII bytes, one for each character, every letter of a run is written ``a`` and any
white space as a blank; then finding the next run is finding a string.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

from leash_addon.screen.views.hidden import Hidden
from leash_addon.screen.views.packed import ascii85_of, base32_of, base64_of, hex_of
from leash_addon.screen.views.wording import worded

RUN: Final = r"[A-Za-z0-9+/_-]{24}"
RUNS: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}(?:\s{1,4}[A-Za-z0-9+/_-]{20,}){0,400}={0,8}")
LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-"
WHITE: Final = b"\t\n\v\f\r\x1c\x1d\x1e\x1f "
OTHER: Final = b"?"
"""What any character that is not ASCII becomes; within a run that can only be white space."""
MARKED: Final = bytes(
    ord("a" if code in LETTERS else " " if code in WHITE else "=" if code == ord("=") else ".")
    for code in range(256)
)
BEGIN: Final = b"a" * 24
REST: Final = re.compile(rb"a+(?: {1,4}+a{20,}+){0,400}+={0,8}")
NEXT: Final = 4
"""Characters after a run that may be white space before more of it."""
HEX: Final = b"0123456789ABCDEFabcdef"
BASE32: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
OPEN85: Final = "<~"
CLOSE85: Final = "~>"
MOST: Final = 24
"""Runs that are looked at in one window."""
LONGEST: Final = 16_384


def runs(text: str) -> Iterator[Hidden]:
    """Find runs that decode to words."""
    raw = text.encode("ascii", "replace")
    for start, end in islice(long_runs(text, raw), MOST):
        for view, found in _decoded(raw[start:end], cut=start == 0):
            if (words := worded(found)) is not None:
                yield Hidden(view, start, end, words)
                break


def long_runs(text: str, raw: bytes) -> Iterator[tuple[int, int]]:
    """Yield where what ``RUNS`` matches starts and ends. ``raw``: the text as ASCII."""
    marked, at, is_ascii = raw.translate(MARKED), 0, text.isascii()
    while (start := marked.find(BEGIN, at)) >= 0:
        at = _end(REST.match(marked, start), start)
        if not (is_ascii or text[at : at + NEXT].isascii()):
            at = _end(RUNS.match(text, start), start)
        yield start, at


def _end(found: re.Match[bytes] | re.Match[str] | None, start: int) -> int:
    return found.end() if found else start + len(BEGIN)


def ascii85(text: str) -> Iterator[Hidden]:
    """Find what stands between ``<~`` and ``~>``."""
    start = text.find(OPEN85)
    for _ in range(MOST):
        end = text.find(CLOSE85, start)
        if start < 0 or end < 0:
            return
        if (words := worded(ascii85_of(text[start + 2 : end]))) is not None:
            yield Hidden("base85", start, end + 2, words)
        start = text.find(OPEN85, end)


def _decoded(run: bytes, *, cut: bool) -> Iterator[tuple[str, bytes]]:
    """Decode in every way that the letters allow. ``cut``: the run may have begun earlier."""
    packed = run.translate(None, WHITE + OTHER)[:LONGEST]
    if not packed.translate(None, HEX):
        yield "hex", hex_of(packed)
    bare = packed.rstrip(b"=")
    if not bare.translate(None, BASE32):
        yield "base32", base32_of(bare)
    for skipped in range(4) if cut else (0,):
        yield "base64", base64_of(bare[skipped:])
