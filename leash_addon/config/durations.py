"""Spans of time as people write them: ``90s``, ``15m``, ``1h30m``, ``2d``; never a bare number.

A bare number is refused because nobody agrees on its unit. Zero, with or without a unit, means
that a limit is off. The counterpart that writes spans is ``core.boundaries.show_span``.
"""

import re

from leash_addon.core.limits import TokenWindow

MAX_SECONDS = 10 * 365 * 86_400
"""Ten years: longer than any run, and far inside what an instant can hold."""

_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_UNITS = (86_400, 3_600, 60, 1)


def seconds(text: str) -> int:
    """Read a span in seconds. Raises ``ValueError`` that says how to write one."""
    clean = text.strip()
    if clean == "0":
        return 0
    found = _SPAN.fullmatch(clean)
    if not clean or found is None:
        msg = f"{text!r} is not a duration; write for example 90s, 15m, 1h30m or 2d"
        raise ValueError(msg)
    total = sum(int(count) * unit for count, unit in zip(found.groups("0"), _UNITS, strict=True))
    if total > MAX_SECONDS:
        msg = f"{text!r} is longer than ten years"
        raise ValueError(msg)
    return total


def window(text: str) -> TokenWindow | None:
    """Read a token rate such as ``100000/1m``; ``0`` is ``None``, no limit."""
    clean = text.strip()
    if clean == "0":
        return None
    tokens, slash, span = clean.partition("/")
    msg = f"{text!r} is not a rate; write tokens per span, for example 100000/1m"
    if not slash or not tokens.isascii() or not tokens.isdigit():
        raise ValueError(msg)
    if int(tokens) == 0:
        return None
    length = seconds(span)
    if length == 0:
        raise ValueError(msg)
    return TokenWindow(tokens=int(tokens), seconds=length)
