"""Where a JSON value ends, however long it is, told by a decoder that stops behind it.

The decoder says at which byte there is something more than one value. That is a sentence for
people: how it counts is found out first, and where it says no such thing the value is walked over
token by token, at the speed of a regular expression.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec
from msgspec import Raw

QUOTE: Final = ord('"')
WHITE: Final = b" \t\n\r"
SHORT: Final = re.compile(rb'"[^"\\]{0,128}+"|[^\s{}\[\],:"]++|\[\]|\{\}')
"""Values that are read faster than the decoder can be asked."""

NEAR: Final = 64
"""Bytes behind a value that are looked at before all are."""

MORE: Final = re.compile(r"trailing characters \(byte ([0-9]+)\)")

TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]++', re.DOTALL)
"""A string, a mark, or a number or word (RFC 8259, section 2)."""

EASY: Final = re.compile(rb'"(?:[^"\\]++|\\.){0,1024}+"|[{}\[\],:"]|[^\s{}\[\],:"]++', re.DOTALL)
"""The same, but of a string with more escapes the first quote alone."""

OPEN: Final = frozenset({b"{", b"["})
CLOSE: Final = frozenset({b"}", b"]"})
FAULTS: Final = (msgspec.MsgspecError, RecursionError, ValueError)

_VALUE: Final = msgspec.json.Decoder(Raw)


def end_of(text: bytes, at: int) -> int:
    """Return where the value ends that begins at ``at``; of what is no JSON, any place behind."""
    short = SHORT.match(text, at)
    if short is not None:
        return short.end()
    if AHEAD is None:
        return walked(text, at)
    try:
        _VALUE.decode(memoryview(text)[at:])
    except FAULTS as fault:
        more = MORE.search(str(fault))
        if more is None:
            return walked(text, at)
        behind = at + int(more[1]) - AHEAD
    else:
        behind = len(text)
    near = max(at, behind - NEAR)
    last = text[near:behind].rstrip(WHITE)
    return near + len(last) if last else at + len(text[at:near].rstrip(WHITE))


def tokens(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each string, mark, number and word of a JSON value stands."""
    at: int | None = 0
    while at is not None:
        begun, at = at, None
        for token in EASY.finditer(text, begun):
            start, end = token.span()
            if end == start + 1 and text[start] == QUOTE:
                at = end = max(end, end_of(text, start))
            yield start, end
            if at is not None:
                break


def walked(text: bytes, at: int) -> int:
    """Return the same, token by token."""
    depth = 0
    for token in TOKEN.finditer(text, at):
        depth += (token[0] in OPEN) - (token[0] in CLOSE)
        if depth <= 0:
            return token.end()
    return len(text)


def _ahead() -> int | None:
    """Return how far behind a value's end the decoder counts; ``None``: it does not say."""
    value = b"[]"
    try:
        _VALUE.decode(value + b",")
    except FAULTS as fault:
        more = MORE.search(str(fault))
        return None if more is None else int(more[1]) - len(value)
    return None


AHEAD: Final = _ahead()
