"""Reads one value of a setting, from TOML (typed) or from a flag or variable (text).

Every reader takes what ``tomllib`` with ``parse_float=Decimal`` yields, or a string, and raises
``ValueError`` with a message that says what to write instead.
"""
# ruff: noqa: TRY004 - a wrong type in a file is bad input, not a wrong call

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from leash_addon.config.durations import seconds, window
from leash_addon.core.limits import TokenWindow
from leash_addon.core.money import Pico, usd

_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off", ""})
_SIZE = re.compile(r"([0-9]{1,12})([kmg]?)")
_STATUSES = frozenset({400, 402, 403, 429})


def text(value: object) -> str:
    """Read a non-empty string."""
    if not isinstance(value, str) or not value.strip():
        msg = f"{_shown(value)} is not a text in quotes"
        raise ValueError(msg)
    return value


def words(value: object) -> tuple[str, ...]:
    """Read names from a list or a text with commas."""
    found = value.split(",") if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        msg = f'{_shown(value)} is not a list of names; write for example ["wait", "poll"]'
        raise ValueError(msg)
    return tuple(word.strip() for word in found if word.strip())


def money(value: object) -> Pico:
    """Read dollars as exact picodollars: ``5``, ``0.25``, ``"$0.10"``."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        msg = f"{_shown(value)} is not an amount of dollars; write for example 5 or 0.25"
        raise ValueError(msg)
    return usd(value)


def count(value: object) -> int:
    """Read a whole number from 0."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        msg = f"{_shown(value)} is not a whole number from 0"
        raise ValueError(msg)
    return value


def positive(value: object) -> int:
    """Read a whole number from 1."""
    found = count(value)
    if not found:
        msg = "must be at least 1; leave the key out for the usual value"
        raise ValueError(msg)
    return found


def size(value: object) -> int:
    """Read a number of bytes: ``100m`` is 100 MiB; also ``k`` and ``g``."""
    found = _SIZE.fullmatch(str(value).strip().lower())
    if found is None or isinstance(value, bool) or not int(found[1]):
        msg = f"{_shown(value)} is not a size; write for example 100m, 64k or 1g"
        raise ValueError(msg)
    return count(int(found[1]) << 10 * "_kmg".index(found[2] or "_"))


def span(value: object) -> int:
    """Read a duration in seconds; a bare number other than 0 is refused."""
    if value == 0 and not isinstance(value, bool):
        return 0
    if not isinstance(value, str):
        msg = f"{_shown(value)} has no unit; write for example 90s, 15m, 1h30m or 2d, in quotes"
        raise ValueError(msg)
    return seconds(value)


def rate(value: object) -> TokenWindow | None:
    """Read tokens per span."""
    if value == 0 and not isinstance(value, bool):
        return None
    if not isinstance(value, str):
        msg = (
            f"{_shown(value)} is not a rate; write tokens per span in quotes, for example 100000/1m"
        )
        raise ValueError(msg)
    return window(value)


def thousandths(value: object) -> int:
    """Read a fraction from 0 to 1 as thousandths; 0 means off."""
    msg = f"{_shown(value)} is not a fraction; write for example 0.8, or 0 for no warning"
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(msg)
    try:
        fraction = Decimal(str(value).strip())
    except InvalidOperation:
        raise ValueError(msg) from None
    if not fraction.is_finite() or not 0 <= fraction <= 1:
        raise ValueError(msg)
    scaled = fraction * 1000
    if scaled != scaled.to_integral_value():
        msg = f"{_shown(value)} is finer than a thousandth"
        raise ValueError(msg)
    return int(scaled)


def flag(value: object) -> bool:
    """Read true or false."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _YES | _NO:
        return value.strip().lower() in _YES
    msg = f"{_shown(value)} is neither true nor false"
    raise ValueError(msg)


def refusal(value: object) -> int | None:
    """Read the HTTP status of a refusal; ``None`` is ``auto``: by client."""
    if value == "auto":
        return None
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value not in _STATUSES:
        msg = f"{_shown(value)} is not a refusal; write auto, 429, 400, 402 or 403"
        raise ValueError(msg)
    return value


def url(value: object) -> str:
    """Read the http or https address of a server, without a trailing slash."""
    msg = f"{_shown(value)} is not a server; write for example http://127.0.0.1:9099"
    if not isinstance(value, str):
        raise ValueError(msg)
    try:
        parts = urlsplit(value.strip())
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(msg)
    return value.strip().rstrip("/")


def timezone(value: object) -> ZoneInfo:
    """Read the name of a time zone."""
    try:
        return ZoneInfo(text(value))
    except (ValueError, OSError, LookupError):
        msg = f"{_shown(value)} is not a time zone; write for example Europe/Berlin or UTC"
        raise ValueError(msg) from None


def choice[E: StrEnum](kind: type[E]) -> Callable[[object], E]:
    """Return a reader that takes one of an enumeration's words."""

    def read(value: object) -> E:
        try:
            return kind(str(value))
        except ValueError:
            msg = f"{_shown(value)} is not one of {', '.join(kind)}"
            raise ValueError(msg) from None

    return read


def _shown(value: object) -> str:
    """Write a bad value as its file has it."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, Decimal) else repr(value)
