"""JSON of the wire, read so that no number changes: decimals stay exact, counts stay integers.

A stream repeats its usage object, so formats keep it as raw bytes and decode only the last one.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final, TypeGuard

import msgspec

type Json = object
type Path = str
"""Keys joined by dots: ``prompt_tokens_details.cached_tokens``."""

type Steps = tuple[str, ...]
"""A path taken apart, for those that are followed in every answer."""

_EXACT: Final = msgspec.json.Decoder(float_hook=Decimal)
_LARGEST: Final = 10**15
"""A count above this is no count of tokens; SQLite and sums stay safe below it."""


def decode(raw: bytes | msgspec.Raw) -> Json:
    """Decode JSON with exact decimals; ``None`` for what is no JSON."""
    try:
        return _EXACT.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError):
        return None


def present(raw: msgspec.Raw | msgspec.UnsetType) -> TypeGuard[msgspec.Raw]:
    """Tell whether a raw member was there and not ``null``."""
    return raw is not msgspec.UNSET and bytes(raw) != b"null"


def at(node: Json, path: Path) -> Json:
    """Return what is at a path; ``None`` where anything on the way is missing or no object."""
    return reach(node, path.split("."))


def reach(node: Json, steps: Iterable[str]) -> Json:
    """Do what ``at`` does, for a path that is taken apart already."""
    for key in steps:
        if not isinstance(node, dict):
            return None
        node = node.get(key)
    return node


def count(node: Json, paths: Sequence[Path]) -> int | None:
    """Return the first of several paths that holds a count; a negative one is none."""
    for path in paths:
        number = as_count(at(node, path))
        if number is not None:
            return number
    return None


def as_count(value: Json) -> int | None:
    """Read a count; some servers write 12.0 or "12"."""
    if value is None:
        return None
    if value.__class__ is int:
        return value if 0 <= value <= _LARGEST else None
    if isinstance(value, str) and value.isdecimal() and value.isascii():
        value = Decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if not 0 <= value <= _LARGEST or value != int(value):
        return None
    return int(value)


def amount(node: Json, paths: Sequence[Path]) -> Decimal | None:
    """Return the first of several paths that holds a finite amount of zero or more."""
    for path in paths:
        value = at(node, path)
        if isinstance(value, int | Decimal) and not isinstance(value, bool):
            exact = Decimal(value)
            if exact.is_finite() and 0 <= exact <= _LARGEST:
                return exact
    return None


def text(node: Json, paths: Sequence[Path]) -> str | None:
    """Return the first of several paths that holds a string that is not empty."""
    for path in paths:
        found = at(node, path)
        if isinstance(found, str) and found:
            return found
    return None


def among(value: Json, words: Collection[str]) -> bool:
    """Tell whether a value is one of some words; what is no string is none of them."""
    return isinstance(value, str) and value in words


def objects(node: Json, path: Path = "") -> list[Mapping[str, Json]]:
    """Return the objects of a list at a path, without whatever else is in it."""
    found = at(node, path) if path else node
    if not isinstance(found, Sequence) or isinstance(found, str):
        return []
    return [item for item in found if isinstance(item, Mapping)]
