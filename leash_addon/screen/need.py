"""What a piece of a pattern needs, and what pieces need together. ``literals`` reads patterns."""

import re
from collections.abc import Iterable
from itertools import product
from typing import Final, NamedTuple

SHORTEST: Final = 3
MOST: Final = 128
"""Strings of one clause; past it a clause is left out, or a product is not spelled out."""
EMPTY: Final = frozenset({""})
COMMON: Final = frozenset(
    re.findall(
        r"\S+",
        "the and for with this that not are you use any all can will has from http:// https:// http"
        " data name file type text self def return error code get set add end page read must",
    )
)
"""Words that most texts have."""


class Clause(NamedTuple):
    """Strings of which whatever a piece matches has one, and how far from the piece's ends.

    ``before``: characters of the piece before the string, at most. ``after``: from where the string
    begins to the end of the piece, at most.
    """

    strings: frozenset[str]
    before: int
    after: int

    @property
    def chance(self) -> float:
        """Guess how often a text has one of the strings: each further byte of one halves it."""
        return sum(
            0.25 if text.strip() in COMMON else 0.5 ** len(text.encode()) for text in self.strings
        )

    @property
    def least(self) -> "Clause":
        """Leave out strings that hold another, which may begin later."""
        found: list[str] = []
        later = 0
        for text in sorted(self.strings, key=len):
            within = [text.index(shorter) for shorter in found if shorter in text]
            later = max(later, min(within, default=0))
            found += [] if within else [text]
        return Clause(frozenset(found), self.before + later, self.after)


class Need(NamedTuple):
    """What a piece of a pattern needs, and how far it reaches.

    ``exact``: every text that it matches, if these are few. ``clauses``: in the order in which
    their strings come. ``longest``: characters that it matches at most.
    """

    exact: frozenset[str] | None = None
    clauses: tuple[Clause, ...] = ()
    longest: int = 1

    @property
    def every(self) -> tuple[Clause, ...]:
        """Return the clauses, or the one that exact texts make if each of them tells anything."""
        exact = self.exact
        if exact is None:
            return self.clauses
        if len(exact) > MOST or not exact or not all(map(tells, exact)):
            return ()
        return (Clause(exact, 0, self.longest),)


def joined(needs: Iterable[Need]) -> Need:
    """Return what pieces need that follow each other."""
    pieces = [Need(EMPTY, (), 0)]
    for need in needs:
        last = pieces[-1]
        if last.exact and need.exact and len(last.exact) * len(need.exact) <= MOST:
            both = frozenset([a + b for a, b in product(last.exact, need.exact)])
            pieces[-1] = Need(both, (), last.longest + need.longest)
        else:
            pieces.append(need)
    return pieces[0] if len(pieces) == 1 else _following(pieces)


def _following(pieces: list[Need]) -> Need:
    longest = sum(piece.longest for piece in pieces)
    found, before = list[Clause](), 0
    for piece in pieces:
        rest = longest - before - piece.longest
        found += [Clause(c.strings, c.before + before, c.after + rest) for c in piece.every]
        before += piece.longest
    return Need(None, tuple(found), longest)


def either(needs: list[Need]) -> Need:
    """Return what one of several pieces needs, no matter which."""
    if len(needs) == 1:
        return needs[0]
    longest = max(need.longest for need in needs)
    exacts = [need.exact for need in needs if need.exact is not None]
    if len(exacts) == len(needs) and len(every := frozenset().union(*exacts)) <= MOST:
        return Need(every, (), longest)
    clauses = [need.every for need in needs]
    best = [each[0] if len(each) == 1 else min(each, key=_chance) for each in clauses if each]
    strings = frozenset().union(*(clause.strings for clause in best))
    if len(best) < len(needs) or len(strings) > MOST:
        return Need(None, (), longest)
    before, after = max(each.before for each in best), max(each.after for each in best)
    return Need(None, (Clause(strings, before, after),), longest)


def _chance(clause: Clause) -> float:
    return clause.chance


def tells(text: str) -> bool:
    """Weigh a string: a letter beyond ASCII or a sign tells more than a letter, a blank nothing."""
    text = text.replace(" ", "")
    if len(text) >= SHORTEST:
        return True
    return sum(1 if char.isascii() and char.isalnum() else 2 for char in text) >= SHORTEST
