r"""Folded text and patterns with one byte for each character, for automata that read bytes.

ASCII stands for itself. Any other character becomes a byte above 127, which it shares with many:
``(code & 255) | 128``. So a narrowed pattern matches wherever the pattern itself does, and now and
then where it does not: what it says is only that RE2 is worth asking.

Patterns are read as ``pattern.translated`` writes them. What is not understood raises
``ValueError``; such a pattern is left to the search for letters (``prefilter``).
"""

from collections.abc import Iterator
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from leash_addon.screen.literals import MEMBER, TOKEN
from leash_addon.screen.places import runs

LONE: Final = "surrogatepass"
ALL: Final = frozenset(range(256))
FOREIGN: Final = frozenset(range(128, 256))
DIGITS: Final = frozenset(b"0123456789")
LETTERS: Final = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
WORD: Final = LETTERS | DIGITS | frozenset(b"_")
WHITE: Final = frozenset(b"\t\n\f\r ")
PRINTED: Final = frozenset(range(33, 127))
KINDS: Final = MappingProxyType({"d": DIGITS, "w": WORD, "s": WHITE})
NAMED: Final = MappingProxyType(
    {
        "alpha": LETTERS,
        "digit": DIGITS,
        "alnum": LETTERS | DIGITS,
        "word": WORD,
        "upper": LETTERS,
        "lower": LETTERS,
        "punct": PRINTED - LETTERS - DIGITS,
        "xdigit": DIGITS | frozenset(b"abcdefABCDEF"),
        "graph": PRINTED,
        "print": PRINTED | frozenset(b" "),
        "space": WHITE | frozenset(b"\v"),
        "blank": frozenset(b"\t "),
        "cntrl": frozenset(range(32)) | frozenset(b"\x7f"),
        "ascii": frozenset(range(128)),
    }
)
"""POSIX classes as RE2 has them (https://github.com/google/re2/wiki/Syntax, 2026-11-22), in any
case of letters."""
PROPERTIES: Final = MappingProxyType({"L": LETTERS, "N": DIGITS, "Latin": LETTERS})
"""What of ASCII has a property; other scripts have none of it."""
SCRIPTS: Final = frozenset(
    {
        *("Arabic", "Armenian", "Bengali", "Cyrillic", "Devanagari", "Georgian", "Greek", "Han"),
        *("Hangul", "Hebrew", "Hiragana", "Katakana", "Tamil", "Thai"),
    }
)
SIGNS: Final = MappingProxyType({"n": 10, "t": 9, "f": 12, "r": 13, "v": 11, "a": 7})
ZERO_WIDTH: Final = frozenset({r"\b", r"\B", r"\A", r"\z"})
FLAGS: Final = frozenset("ims")


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
    tokens = ((str(each.lastgroup), each[0]) for each in TOKEN.finditer(pattern))
    return "".join(_token(kind, token) for kind, token in tokens).encode("latin-1")


@lru_cache(maxsize=1024)
def _token(kind: str, token: str) -> str:
    match kind:
        case "text" | "words":
            return "".join(_char(char) for char in token)
        case "escape":
            return token if token in ZERO_WIDTH else _class(_escaped(token))
        case "several":
            return _class(_several(token))
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
    if char.isascii():
        return char.lower()
    return _class(_bytes(char))


def _bytes(char: str) -> frozenset[int]:
    """Return the bytes of a character in any of its cases."""
    forms = {char, *SIGMAS} if char in SIGMAS else {char}
    cased = {each for form in forms for each in (form, form.lower(), form.upper())}
    return frozenset(_byte(each) for each in cased if len(each) == 1)


SIGMAS: Final = frozenset("Σσς")
"""The one letter of folded text that has two small forms."""


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


def _escaped(token: str) -> frozenset[int]:
    """Return the bytes that an escape stands for, or more."""
    kind = token[1]
    if kind in "pP":
        return _property(token[2:].strip("{}"), is_not=kind == "P")
    if kind == "x":
        return _bytes(chr(int(token[2:].strip("{}"), 16)))
    if kind in SIGNS:
        return frozenset({SIGNS[kind]})
    if kind.lower() in KINDS:
        members = KINDS[kind.lower()]
        return ALL - members if kind.isupper() else members
    if kind.isascii() and kind.isalnum():
        raise ValueError(token)
    return _bytes(kind)


def _property(name: str, *, is_not: bool) -> frozenset[int]:
    """Return what may have a property: all that is not ASCII, and of ASCII what is known."""
    if name in SCRIPTS:
        return ALL if is_not else FOREIGN
    if name not in PROPERTIES:
        return ALL
    return ALL - PROPERTIES[name] if is_not else PROPERTIES[name] | FOREIGN


def _several(token: str) -> frozenset[int]:
    members = MEMBER.findall(token[1:-1])
    is_not = members[0] == "^" and len(members) > 1
    found = frozenset[int]().union(*_members(members[1:] if is_not else members, is_not=is_not))
    return ALL - found if is_not else found


def _members(members: list[str], *, is_not: bool) -> Iterator[frozenset[int]]:
    """Yield what each member or range has; of what is left out, only what is surely of it."""
    at = 0
    while at < len(members):
        if members[at + 1 : at + 2] == ["-"] and at + 2 < len(members):
            found = _range(members[at], members[at + 2])
            at += 3
        else:
            found = _member(members[at])
            at += 1
        found |= {code ^ 32 for code in found & LETTERS}
        yield found - FOREIGN if is_not else found


def _member(member: str) -> frozenset[int]:
    if member.startswith("[:"):
        name = member[2:-2].removeprefix("^")
        if name not in NAMED:
            raise ValueError(member)
        return ALL - NAMED[name] if member[2] == "^" else NAMED[name]
    return _escaped(member) if member.startswith("\\") else _bytes(member)


def _range(first: str, last: str) -> frozenset[int]:
    low, high = _code(first), _code(last)
    ascii_part = frozenset(range(low, min(high, 127) + 1))
    return ascii_part | FOREIGN if high > max(ascii_part, default=127) else ascii_part


def _code(member: str) -> int:
    if not member.startswith("\\"):
        return ord(member)
    if member[1] == "x":
        return int(member[2:].strip("{}"), 16)
    if member[1] in SIGNS:
        return SIGNS[member[1]]
    if member[1].isascii() and member[1].isalnum():
        raise ValueError(member)
    return ord(member[1])


def _class(codes: frozenset[int]) -> str:
    """Write a class of bytes."""
    bits = sum(1 << code for code in codes)
    if not bits:
        msg = "a class of nothing"
        raise ValueError(msg)
    return "[" + "".join(f"\\x{first:02x}-\\x{end - 1:02x}" for first, end in runs(bits)) + "]"
