"""Long runs of letters and digits: base64, base32, hex, and ASCII85 between its brackets."""

import base64
import binascii
import re
from collections.abc import Iterator
from itertools import islice
from typing import Final

import re2

from leash_addon.screen.views.hidden import Hidden
from leash_addon.screen.views.wording import worded

RUN: Final = r"[A-Za-z0-9+/_-]{24}"
RUNS: Final = re.compile(r"[A-Za-z0-9+/_-]{24,}(?:\s{1,4}[A-Za-z0-9+/_-]{20,}){0,400}={0,8}")
START: Final = re2.compile(RUN)
HEX: Final = re.compile(r"[0-9A-Fa-f\s]+")
BASE32: Final = re.compile(r"[A-Z2-7\s]+=*")
WHITE: Final = re.compile(r"\s+")
URLSAFE: Final = str.maketrans("-_", "+/")
OPEN85: Final = "<~"
CLOSE85: Final = "~>"
MOST: Final = 24
"""Runs that are looked at in one window."""
LONGEST: Final = 16_384


def runs(text: str) -> Iterator[Hidden]:
    """Find runs that decode to words."""
    for run in islice(long_runs(text), MOST):
        packed = WHITE.sub("", run[0][:LONGEST])
        for view, raw in _decoded(run[0], packed, cut=run.start() == 0):
            if (words := worded(raw)) is not None:
                yield Hidden(view, run.start(), run.end(), words)
                break


def long_runs(text: str) -> Iterator[re.Match[str]]:
    """Yield what ``RUNS`` finds; where all is ASCII, RE2 looks for where the next one begins."""
    if not text.isascii():
        yield from RUNS.finditer(text)
        return
    raw, at = text.encode(), 0
    while start := START.search(raw, at):
        run = RUNS.match(text, start.start())
        if run is None:
            return
        yield run
        at = run.end()


def ascii85(text: str) -> Iterator[Hidden]:
    """Find what stands between ``<~`` and ``~>``."""
    start = text.find(OPEN85)
    for _ in range(MOST):
        end = text.find(CLOSE85, start)
        if start < 0 or end < 0:
            return
        try:
            words = worded(base64.a85decode(text[start : end + 2].encode(), adobe=True))
        except (ValueError, UnicodeError):
            words = None
        if words is not None:
            yield Hidden("base85", start, end + 2, words)
        start = text.find(OPEN85, end)


def _decoded(run: str, packed: str, *, cut: bool) -> Iterator[tuple[str, bytes]]:
    """Decode in every way that the letters allow. ``cut``: the run may have begun earlier."""
    if HEX.fullmatch(run):
        yield "hex", bytes.fromhex(packed[: len(packed) // 2 * 2])
    if BASE32.fullmatch(run):
        bare = packed.rstrip("=")
        yield "base32", _base32(bare)
    bare = packed.rstrip("=").translate(URLSAFE)
    for skipped in range(4) if cut else (0,):
        yield "base64", _base64(bare[skipped:])


def _base32(bare: str) -> bytes:
    whole = bare[: len(bare) // 8 * 8]
    rest = bare[len(whole) :]
    rest = rest if len(rest) in {0, 2, 4, 5, 7} else ""
    return base64.b32decode(whole + rest + "=" * (-len(rest) % 8))


def _base64(bare: str) -> bytes:
    bare = bare[: len(bare) - (len(bare) % 4 == 1)]
    try:
        return binascii.a2b_base64(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        return b""
