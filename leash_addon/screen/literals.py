r"""Letters that a pattern cannot do without, and how far it reaches.

``\b(?:ignore|forget) .{0,30}\b(?:rules|orders)\b`` needs one of ``ignore`` and ``forget``, and one
of ``rules`` and ``orders``: two clauses. A text that lacks either cannot match. This is the idea
of RE2's own FilteredRE2, which on the shipped pack reads about 1 MB/s, because its set of strings
remembers each that it has met; so this is done here, strings too short to tell anything are left
out, and the search for them (``prefilter``) also says where they are.

The syntax is RE2's (https://github.com/google/re2/wiki/Syntax) as ``pattern.translated`` writes it.
What is not understood needs nothing, which is safe: then the pattern is tried.
"""

import re
from types import MappingProxyType
from typing import Final

from leash_addon.screen.need import EMPTY, MOST, Clause, Need, either, joined

ENOUGH: Final = 4
"""Clauses of one pattern."""
OFTEN: Final = 1.0
"""Chance of a clause that is left out if another is less likely."""
WIDEST_CLASS: Final = 6
ENDLESS: Final = 1 << 16
"""Characters that a pattern reaches which repeats something for ever."""
RUN: Final = 3
"""Characters of a run of white space in folded text."""
WHITE: Final = frozenset({r"\s", r"\n", r"[ \n]", r"[\n ]", r"[\s]"})
SIGN: Final = r"\\(?:x\{[^}]*\}|x..|[pP]\{[^}]*\}|[pP][^{]|.)"
TOKEN: Final = re.compile(
    rf"""(?P<words>\(\?:[^\\\[\](){{}}.*+?^$]+\))
    | (?P<text>[^\\\[\](){{}}.*+?|^$]+(?![*+?{{]))
    | (?P<escape>{SIGN})
    | (?P<several>\[\^?\]?(?:\\.|\[:[^\]]*:\]|[^\]\\])*\])
    | (?P<open>\((?:\?[^:)>]*[:)>])?)
    | (?P<times>(?:[*+?]|\{{\d+(?:,\d*)?\}})\??)
    | (?P<sign>.)""",
    re.DOTALL | re.VERBOSE,
)
MEMBER: Final = re.compile(rf"\[:[^\]]*:\]|{SIGN}|.", re.DOTALL)
NAMED: Final = frozenset("dDsSwWpPrtfvaC")
ZERO_WIDTH: Final = frozenset({r"\b", r"\B", r"\A", r"\z"})
TIMES: Final = MappingProxyType({"?": (0, 1), "*": (0, -1), "+": (1, -1)})
ANYTHING: Final = Need()
NOTHING: Final = Need(EMPTY, (), 0)
BLANK: Final = Need(frozenset({" "}))
"""Also for the end of a line: ``prefilter`` reads it as a blank."""


def needed(pattern: str) -> Need:
    """Return the clauses of a whole pattern, in the order of their strings, and its reach."""
    try:
        need = _Reader(_lowered(pattern)).alternatives()
    except (IndexError, ValueError):
        return Need(None, (), ENDLESS)
    found = tuple(dict.fromkeys(clause.least for clause in need.every))
    chances = [clause.chance for clause in found]
    rarest = sorted(chances)[:ENOUGH]
    most = max([chance for chance in rarest if chance < OFTEN] or rarest[:1], default=0.0)
    rare = tuple(clause for clause, chance in zip(found, chances, strict=True) if chance <= most)
    return Need(None, rare[:ENOUGH], min(need.longest, ENDLESS))


def _lowered(pattern: str) -> str:
    r"""Write letters in lower case, but not those of ``\S`` or ``\W``."""
    if "\\" not in pattern:
        return pattern.lower()
    return re.sub(
        r"\\.|[^\\]+", lambda run: run[0] if run[0][0] == "\\" else run[0].lower(), pattern
    )


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._left = [(str(each.lastgroup), each[0]) for each in TOKEN.finditer(pattern)]
        self._at = 0

    def alternatives(self) -> Need:
        found = [self._sequence()]
        while self._next() == "|":
            self._at += 1
            found.append(self._sequence())
        return either(found)

    def _next(self) -> str:
        return self._left[self._at][1] if self._at < len(self._left) else ""

    def _sequence(self) -> Need:
        found: list[Need] = []
        while self._next() not in {"", "|", ")"}:
            kind, token = self._left[self._at]
            self._at += 1
            need = self._atom(kind, token)
            if self._at < len(self._left) and self._left[self._at][0] == "times":
                need = _repeated(need, *_times(self._next()), is_white=token in WHITE)
                self._at += 1
            found.append(need)
        return found[0] if len(found) == 1 else joined(found)

    def _atom(self, kind: str, token: str) -> Need:
        match kind:
            case "text":
                return Need(frozenset({token.replace("\n", " ")}), (), len(token))
            case "words":
                return _words(token)
            case "open":
                return self._group(token)
            case "several":
                return _several(token)
            case "escape":
                return _escape(token)
            case "sign":
                return _sign(token)
        raise ValueError(token)

    def _group(self, token: str) -> Need:
        if token.endswith(")"):
            return NOTHING
        need = self.alternatives()
        if self._next() != ")":
            raise ValueError(token)
        self._at += 1
        return need


def _words(token: str) -> Need:
    """Read a group of plain words."""
    words = frozenset(token[3:-1].replace("\n", " ").split("|"))
    return Need(words if len(words) <= MOST else None, (), max(map(len, words)))


def _sign(char: str) -> Need:
    match char:
        case "^" | "$":
            return NOTHING
        case ".":
            return ANYTHING
    return _char(char)


def _char(char: str) -> Need:
    return BLANK if char == "\n" else Need(frozenset({char}))


def _escape(token: str) -> Need:
    if token in ZERO_WIDTH:
        return NOTHING
    kind = token[1]
    if kind == "x":
        return _char(chr(int(token[2:].strip("{}"), 16)).lower())
    if kind in NAMED:
        return ANYTHING
    if kind != "n" and kind.isalnum():
        raise ValueError(token)
    return BLANK if kind == "n" else _char(kind)


def _several(token: str) -> Need:
    """Read a class; only a short one of plain signs is spelled out."""
    members = MEMBER.findall(token[1:-1])
    if members[0] == "^" or "-" in members[1:-1] or any(each[:2] == "[:" for each in members):
        return ANYTHING
    needs = [_escape(each) if each[0] == "\\" else _char(each) for each in members]
    chars = [need.exact for need in needs if need.exact is not None]
    if len(chars) < len(needs) or len(chars) > WIDEST_CLASS:
        return ANYTHING
    return Need(frozenset().union(*chars))


def _times(token: str) -> tuple[int, int]:
    if known := TIMES.get(token[0]):
        return known
    low, comma, high = token.rstrip("?").strip("{}").partition(",")
    return int(low), int(high) if high else -1 if comma else int(low)


def _repeated(need: Need, least_times: int, most: int, *, is_white: bool) -> Need:
    endless = RUN if is_white else ENDLESS
    longest = need.longest * most if most >= 0 else endless
    if (least_times, most) == (1, 1):
        return need
    if least_times:
        more = longest - need.longest
        found = (Clause(each.strings, each.before, each.after + more) for each in need.every)
        return Need(None, tuple(found), longest)
    if most == 1 and need.exact:
        return Need(need.exact | EMPTY, (), longest)
    return Need(None, (), longest)
