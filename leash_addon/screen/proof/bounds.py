"""How far a pattern reaches: every repetition in it must have an end.

White space is exempt: in folded text a run of it has three characters at most.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

WIDEST: Final = 200
"""Repetitions of one piece of a pattern."""
WHITE: Final = frozenset({" ", r"\s", r"\n", r"[ \n]", r"[\n ]", r"[\s]"})


class Repetition(NamedTuple):
    """A piece of a pattern and how often it may come. ``most``: ``None`` is for ever."""

    piece: str
    most: int | None


def unbounded(pattern: str) -> list[str]:
    """Return what of a pattern repeats for ever, or more than ``WIDEST`` times."""
    return [
        each.piece
        for each in repetitions(pattern)
        if (each.most is None and each.piece[:-1].rstrip("?*+{,0123456789") not in WHITE)
        or (each.most is not None and each.most > WIDEST)
    ]


def repetitions(pattern: str) -> Iterator[Repetition]:
    """Find every repetition of a pattern, in order."""
    start = at = 0
    opened: list[int] = []
    while at < len(pattern):
        char = pattern[at]
        if char == "(":
            opened.append(at)
        if (most := _quantifier(pattern, at)) is not None:
            end = _end(pattern, at)
            yield Repetition(pattern[start:end], None if most < 0 else most)
            at = end
            continue
        start = opened.pop() if char == ")" and opened else at
        at = _after(pattern, at)


def _after(pattern: str, at: int) -> int:
    """Return where the atom that begins here ends: an escape, a class or one character."""
    if pattern[at] == "\\":
        closing = pattern.find("}", at) if pattern[at + 1 : at + 3] in {"x{", "p{", "P{"} else -1
        return closing + 1 if closing > 0 else at + 2
    if pattern[at] != "[":
        return at + 1
    at += 2 if pattern[at + 1 : at + 2] == "^" else 1
    at += pattern[at : at + 1] == "]"
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1


def _quantifier(pattern: str, at: int) -> int | None:
    """Return how often a quantifier that begins here lets repeat; -1 is for ever."""
    if pattern[at] in "*+":
        return -1
    if pattern[at] != "{":
        return None
    low, comma, high = pattern[at + 1 : _end(pattern, at) - 1].partition(",")
    if not low.isdigit():
        return None
    return int(high) if high.isdigit() else -1 if comma else int(low)


def _end(pattern: str, at: int) -> int:
    closing = pattern.find("}", at)
    return closing + 1 if pattern[at] == "{" and closing > 0 else at + 1
