r"""Folded text and patterns with one byte for each character, for automata that read bytes.

ASCII stands for itself. Any other character becomes a byte above 127, which it shares with many:
``(code & 255) | 128``. So a narrowed pattern matches wherever the pattern itself does, and now and
then where it does not: what it says is only that RE2 is worth asking.

Patterns are read as ``pattern.translated`` writes them. What is not understood raises
``ValueError``; such a pattern is left to the search for letters (``prefilter``).
"""

import re
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import re2

from leash_addon.screen.literals import MEMBER, TOKEN
from leash_addon.screen.pattern import options
from leash_addon.screen.places import runs

LONE: Final = "surrogatepass"
ALL: Final = frozenset(range(256))
FOREIGN: Final = frozenset(range(128, 256))
NONE: Final = frozenset[int]()
ASCII: Final = "".join(map(chr, range(128)))
PLAIN: Final = frozenset("dswntfrva")
"""Escapes that stand for ASCII characters only."""
ZERO_WIDTH: Final = frozenset({r"\b", r"\A", r"\z"})
r"""What stands between characters; ``\B`` also stands within one that is several bytes."""
FLAGS: Final = frozenset("ims")
REPEATED_FLAGS: Final = re.compile(r"\(\?\w*\)[*+?{]")
"""What RE2 repeats there stands before the flags."""
VARIANTS: Final = ("σς", "вᲀ", "дᲁ", "оᲂ", "сᲃ", "тᲄᲅ", "ъᲆ", "ѣᲇ", "ꙋᲈ")
"""Small letters of folded text that RE2 takes for one, besides the capital
(https://www.unicode.org/Public/UCD/latest/ucd/CaseFolding.txt, 2026-11-22)."""
SAME: Final = MappingProxyType({char: forms for forms in VARIANTS for char in forms})


def narrowed(text: str) -> bytes:
    """Return a text with one byte for each character."""
    if text.isascii():
        return text.encode()
    wide = text.encode("utf-32-le", LONE)
    size = len(wide) // 4
    above = int.from_bytes(wide[1::4]) | int.from_bytes(wide[2::4])
    marks = above.to_bytes(size).translate(ABOVE)
    return (int.from_bytes(wide[::4]) | int.from_bytes(marks)).to_bytes(size)


ABOVE: Final = bytes(128 if code else 0 for code in range(256))


def narrowed_pattern(pattern: str) -> bytes:
    """Return a pattern over narrowed text in lower case. Raises ``ValueError``."""
    if REPEATED_FLAGS.search(pattern):
        raise ValueError(pattern)
    tokens = ((str(each.lastgroup), each[0]) for each in TOKEN.finditer(pattern))
    return "".join(_token(kind, token) for kind, token in tokens).encode("latin-1")


def _token(kind: str, token: str) -> str:
    match kind:
        case "text" | "words":
            return "".join(_char(char) for char in token)
        case "escape":
            return token if token in ZERO_WIDTH else _members(token)
        case "several":
            return _members(token)
        case "open":
            return _open(token)
        case "sign":
            return _sign(token)
    return token


def _sign(sign: str) -> str:
    if sign in "[{":
        raise ValueError(sign)
    return _class(ALL) if sign == "." else _char(sign)


def _char(char: str) -> str:
    if not char.isascii():
        return _class(_bytes(char))
    return char.lower() if char != "\0" else _class(frozenset({0}))  # it would end the pattern


def _bytes(char: str) -> frozenset[int]:
    """Return the bytes of a character in any of its cases."""
    forms = {char, *SAME.get(char.lower(), "")}
    cased = {each for form in forms for each in (form, form.lower(), form.upper())}
    return frozenset(_byte(each) for each in cased if len(each) == 1)


def _byte(char: str) -> int:
    code = ord(char)
    return code if code < min(FOREIGN) else code & 255 | 128


def _open(token: str) -> str:
    flags = token[2:-1] if token.startswith("(?") else ""
    if token.endswith(">") or not FLAGS.issuperset(flags):
        raise ValueError(token)
    if token.endswith(")"):
        return f"(?{flags.replace('i', '')})" if flags.strip("i") else ""
    return f"(?{flags.replace('i', '')}:"


@lru_cache(maxsize=1024)
def _members(token: str) -> str:
    """Write an escape or a class of a pattern."""
    others = _several if token.startswith("[") else _escaped
    return _class(_ascii(token) | others(token))


def _ascii(token: str) -> frozenset[int]:
    """Ask RE2 what of ASCII an escape or a class stands for."""
    try:
        found = re2.compile(token, options()).findall(ASCII)
    except re2.error as error:
        raise ValueError(token) from error
    if any(len(each) != 1 for each in found) or "-[" in token:  # not one class, or none
        raise ValueError(token)
    return frozenset(map(ord, found))


def _several(token: str) -> frozenset[int]:
    """Return what of other characters a class has, or more."""
    members = MEMBER.findall(token[1:-1])
    if members[0] == "^" and len(members) > 1:
        return FOREIGN
    found = NONE.union(*map(_member, members))
    return FOREIGN if found and "-" in members[1:-1] else found


def _member(member: str) -> frozenset[int]:
    if member.startswith("[:"):
        return FOREIGN if member[2] == "^" else NONE
    return _escaped(member) if member.startswith("\\") else _bytes(member) & FOREIGN


def _escaped(token: str) -> frozenset[int]:
    """Return what of other characters an escape stands for, or more."""
    kind = token[1]
    if kind in "pPDSW":
        return FOREIGN
    if kind == "x":
        return _bytes(chr(int(token[2:].strip("{}"), 16))) & FOREIGN
    if kind in PLAIN or not kind.isalnum():
        return NONE
    raise ValueError(token)


def _class(codes: frozenset[int]) -> str:
    """Write a class of bytes."""
    bits = sum(1 << code for code in codes)
    if not bits:
        msg = "a class of nothing"
        raise ValueError(msg)
    return "[" + "".join(f"\\x{first:02x}-\\x{end - 1:02x}" for first, end in runs(bits)) + "]"
