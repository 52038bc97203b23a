"""Many patterns in one pass: which of them may match a text.

Vectorscan (https://github.com/VectorCamp/vectorscan) reads a text once for hundreds of patterns
and reports those that match; nearly all texts match none, so that nothing else is to be done. Its
automata take it tens of milliseconds for each pattern to build, so they are built once, ahead, and
kept: ``built`` makes bytes, ``Automaton`` reads them. Where there are none yet, ``prefilter``
serves; both only say what RE2 is asked.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

try:
    import hyperscan
except ImportError:  # no wheel for this machine
    hyperscan = None  # type: ignore[assignment]

VERSION: Final = str(getattr(hyperscan, "__version__", ""))
"""Of the library; what another one has built is not read. Empty where there is none."""

SOUND: Final = rb"(?:i|oml|me)[ \n](?:\w{1,16}){0,3}(?:te|gi|[ \n]on)"
"""Vectorscan 5.4.12 misses this where it begins at the end of a vector of bytes."""
REACH: Final = 96
"""Bytes; longer than two vectors of any processor."""

type Scratch = Any
"""Memory that one scan at a time may use."""


class Expressions(NamedTuple):
    """Patterns that are built together, over narrowed text. ``name``: for people."""

    name: str
    patterns: tuple[bytes, ...]


class Built(NamedTuple):
    """An automaton as it is kept. ``left``: patterns, by index, that it could not take."""

    automaton: bytes
    left: tuple[int, ...]


class Part(NamedTuple):
    """What was built of some patterns, and the number that is reported for each of them."""

    built: Built
    numbers: tuple[int, ...]


class StaleError(ValueError):
    """A kept automaton is of another machine, or another version, or damaged."""


@cache
def is_sound() -> bool:
    """Tell whether there is a Vectorscan, and one that finds what is there."""
    if not VERSION:
        return False
    automaton = Automaton([Part(Built(_compiled({0: SOUND}), ()), (0,))])
    return all(automaton.matching(b"x" * n + b" i give", (0,)) for n in range(REACH))


def built(expressions: Sequence[bytes]) -> Built:
    """Build an automaton: some seconds' work for a hundred patterns."""
    left: list[int] = []
    while True:
        taken = {n: each for n, each in enumerate(expressions) if n not in left}
        try:
            return Built(_compiled(taken) if taken else b"", tuple(left))
        except hyperscan.error:
            left += _refused(taken)


def _refused(expressions: dict[int, bytes]) -> list[int]:
    """Return those that cannot be built even alone, or else all."""
    found = []
    for n, each in expressions.items():
        try:
            _compiled({n: each})
        except hyperscan.error:
            found.append(n)
    return found or list(expressions)


def _compiled(expressions: dict[int, bytes]) -> bytes:
    database = hyperscan.Database()
    database.compile(
        expressions=list(expressions.values()),
        ids=list(expressions),
        elements=len(expressions),
        flags=hyperscan.HS_FLAG_SINGLEMATCH,
    )
    return bytes(hyperscan.dumpb(database))


def is_readable(built: Built) -> bool:
    """Tell whether this machine and this version can use what was built."""
    try:
        _ = built.automaton and _loaded(built.automaton)
    except StaleError:
        return False
    return True


class Automaton:
    """What was built, ready to read texts. May be used by several threads."""

    def __init__(self, parts: Iterable[Part]) -> None:
        """Take what was built. Raises ``StaleError``."""
        kept = [(built, numbers) for built, numbers in parts if built.automaton]
        self._parts = [(_loaded(built.automaton), numbers) for built, numbers in kept]
        self._idle: list[list[Scratch]] = []
        self.numbers = frozenset(
            number
            for built, numbers in kept
            for n, number in enumerate(numbers)
            if n not in built.left
        )

    def parts(self, numbers: Collection[int]) -> tuple[int, ...]:
        """Return which parts know any of some patterns."""
        return tuple(
            n for n, (_, known) in enumerate(self._parts) if not set(known).isdisjoint(numbers)
        )

    def matching(self, text: bytes, parts: Iterable[int]) -> list[int]:
        """Return the numbers of the patterns that match a narrowed text, in their order."""
        found: list[int] = []
        scratch = self._scratch()
        for part in parts:
            database, numbers = self._parts[part]
            seen: list[int] = []
            database.scan(
                text,
                match_event_handler=lambda number, *_, seen=seen: seen.append(number),
                scratch=scratch[part],
            )
            found += [numbers[n] for n in seen]
        self._idle.append(scratch)
        return sorted(found)

    def _scratch(self) -> list[Scratch]:
        """Return memory that no other thread uses, a piece for each part."""
        try:
            return self._idle.pop()
        except IndexError:
            return [hyperscan.Scratch(database) for database, _ in self._parts]


def _loaded(kept: bytes) -> Any:  # noqa: ANN401 - the library's own type is not known to be there
    if not VERSION:
        msg = "there is no Vectorscan here"
        raise StaleError(msg)
    try:
        return hyperscan.loadb(kept, hyperscan.HS_MODE_BLOCK)
    except hyperscan.error as error:
        raise StaleError(str(error)) from None
