r"""Letters that a pattern cannot do without.

``\b(?:ignore|forget) .{0,30}\b(?:rules|orders)\b`` needs one of ``ignore`` and ``forget``, and one
of ``rules`` and ``orders``: two clauses. A text that lacks either cannot match. This is the idea
of RE2's own FilteredRE2, which on the shipped pack reads about 1 MB/s, because its set of strings
remembers each that it has met; so this is done here, strings too short to tell anything are left
out, and the search for them (``prefilter``) also says where they are.

The syntax is RE2's (https://github.com/google/re2/wiki/Syntax) as ``pattern.translated`` writes it.
What is not understood needs nothing, which is safe: then the pattern is tried.
"""

import re
from collections.abc import Iterable
from itertools import product
from typing import Final, NamedTuple

type Clause = frozenset[str]

SHORTEST: Final = 3
ENOUGH: Final = 4
"""Clauses of one pattern."""
MOST: Final = 64
"""Strings of one clause; past it a clause is left out, or a product is not spelled out."""
WIDEST_CLASS: Final = 6
ZERO_WIDTH: Final = frozenset("bBAz")
CLASSES: Final = frozenset("dDsSwWpPrtfvaC")
PLAIN: Final = re.compile(r"[^\\\[\](){}.*+?|^$]+(?![*+?{])")
"""Signs that stand for themselves, none of them repeated."""
EMPTY: Final[Clause] = frozenset({""})


class Need(NamedTuple):
    """What a piece of a pattern needs.

    ``exact``: every text that it matches, if these are few. ``clauses``: of each clause one string
    is in whatever it matches.
    """

    exact: Clause | None
    clauses: tuple[Clause, ...] = ()


ANYTHING: Final = Need(None)
NOTHING: Final = Need(EMPTY)
BLANK: Final = Need(frozenset({" "}))
"""Also for the end of a line: ``prefilter`` reads it as a blank."""


def clauses(pattern: str) -> tuple[Clause, ...]:
    """Return the clauses of a whole pattern, the most telling first; none if it needs nothing."""
    try:
        need = _Reader(pattern.lower() if "\\" not in pattern else _lowered(pattern)).alternatives()
    except (IndexError, ValueError):
        return ()
    found = sorted({*need.clauses, *_clause(need.exact)}, key=_worth, reverse=True)
    return tuple(found[:ENOUGH])


def _lowered(pattern: str) -> str:
    r"""Write letters in lower case, but not those of ``\S`` or ``\W``."""
    return "".join(
        char if n and pattern[n - 1] == "\\" else char.lower() for n, char in enumerate(pattern)
    )


def _worth(clause: Clause) -> tuple[int, int]:
    return min(map(_telling, clause)), -len(clause)


def _clause(exact: Clause | None) -> list[Clause]:
    """Return the clause that exact texts make, if each of them tells anything."""
    if exact is None or len(exact) > MOST or min(map(_telling, exact), default=0) < SHORTEST:
        return []
    return [frozenset(e for e in exact if not any(o != e and o in e for o in exact))]


def _telling(text: str) -> int:
    """Weigh a string: a letter beyond ASCII or a sign tells more than a letter, a blank nothing."""
    text = text.replace(" ", "")
    if text.isascii() and text.isalnum():
        return len(text)
    return sum(1 if char.isascii() and char.isalnum() else 2 for char in text)


def _joined(needs: Iterable[Need]) -> Need:
    """Return what pieces need that follow each other."""
    exact, found, whole = EMPTY, list[Clause](), True
    for need in needs:
        if need.exact is not None and len(exact) * len(need.exact) <= MOST:
            exact = frozenset(a + b for a, b in product(exact, need.exact))
            continue
        whole = False
        found += [*_clause(exact), *need.clauses]
        exact = EMPTY if need.exact is None else need.exact
    return Need(exact) if whole else Need(None, (*found, *_clause(exact)))


def _either(needs: list[Need]) -> Need:
    """Return what one of several pieces needs, no matter which."""
    if len(needs) == 1:
        return needs[0]
    exacts = [need.exact for need in needs]
    if all(exact is not None for exact in exacts):
        every = frozenset().union(*(exact for exact in exacts if exact is not None))
        if len(every) <= MOST:
            return Need(every)
    best = [max((*need.clauses, *_clause(need.exact)), key=_worth, default=None) for need in needs]
    if None in best:
        return ANYTHING
    union = frozenset().union(*(clause for clause in best if clause is not None))
    return Need(None, (union,) if len(union) <= MOST else ())


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._left = pattern
        self._at = 0

    def alternatives(self) -> Need:
        found = [self._sequence()]
        while self._take("|"):
            found.append(self._sequence())
        return _either(found)

    def _sequence(self) -> Need:
        found: list[Need] = []
        while self._at < len(self._left) and self._left[self._at] not in "|)":
            if run := PLAIN.match(self._left, self._at):
                self._at = run.end()
                found.append(Need(frozenset({run[0].replace("\n", " ")})))
            else:
                found.append(self._repeated(self._atom()))
        return _joined(found)

    def _take(self, text: str) -> bool:
        taken = self._left.startswith(text, self._at)
        self._at += len(text) * taken
        return taken

    def _until(self, end: str) -> str:
        start, self._at = self._at, self._left.index(end, self._at) + len(end)
        return self._left[start : self._at - len(end)]

    def _repeated(self, need: Need) -> Need:
        least, most = self._times()
        self._take("?")
        if (least, most) == (1, 1):
            return need
        if least == 0:
            optional = most == 1 and need.exact is not None
            return Need(need.exact | EMPTY) if optional and need.exact else ANYTHING
        return Need(None, (*need.clauses, *_clause(need.exact)))

    def _times(self) -> tuple[int, int]:
        if self._take("?"):
            return 0, 1
        if self._take("*"):
            return 0, -1
        if self._take("+"):
            return 1, -1
        if not self._take("{"):
            return 1, 1
        low, comma, high = self._until("}").partition(",")
        return int(low), int(high) if high else -1 if comma else int(low)

    def _atom(self) -> Need:
        if self._take("("):
            return self._group()
        if self._take("["):
            return self._class()
        if self._take("\\"):
            return self._escape()
        char = self._left[self._at]
        self._at += 1
        if char in "^$":
            return NOTHING
        return ANYTHING if char == "." else BLANK if char == "\n" else Need(frozenset({char}))

    def _group(self) -> Need:
        if self._take("?") and not self._take(":"):
            flags = self._flags()
            if flags.endswith(")"):
                return NOTHING
        need = self.alternatives()
        self._at += 1
        return need

    def _flags(self) -> str:
        start = self._at
        while self._left[self._at] not in ":)>":
            self._at += 1
        self._at += 1
        return self._left[start : self._at]

    def _escape(self) -> Need:
        char = self._left[self._at]
        self._at += 1
        if char in ZERO_WIDTH:
            return NOTHING
        if char == "x":
            code = self._until("}")[1:] if self._left[self._at] == "{" else self._two()
            return Need(frozenset({chr(int(code, 16)).lower()}))
        if char in "pP":
            self._until("}") if self._left[self._at] == "{" else self._two(1)
        if char == "n":
            return BLANK
        if char in CLASSES:
            return ANYTHING
        if char.isalnum():
            raise ValueError(char)
        return Need(frozenset({char}))

    def _two(self, count: int = 2) -> str:
        self._at += count
        return self._left[self._at - count : self._at]

    def _class(self) -> Need:
        """Read a class; only a short one of plain signs is spelled out."""
        negated = self._take("^")
        chars: set[str] = set()
        plain = True
        first = True
        while first or self._left[self._at] != "]":
            first = False
            if self._take("[:"):
                self._until(":]")
                plain = False
            elif self._take("\\"):
                need = self._escape()
                plain &= need.exact is not None
                chars |= need.exact or set()
            else:
                chars.add(self._left[self._at])
                self._at += 1
                is_range = self._left[self._at] == "-" and self._left[self._at + 1] != "]"
                plain &= not is_range
        self._at += 1
        if not plain or negated or len(chars) > WIDEST_CLASS:
            return ANYTHING
        return Need(frozenset(" " if char == "\n" else char for char in chars))
