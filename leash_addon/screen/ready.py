"""Patterns of rules, made ready when they are first needed: most never are."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import groupby

from leash_addon.screen.automaton import (
    Automaton,
    Built,
    Expressions,
    Part,
    StaleError,
    is_sound,
)
from leash_addon.screen.folding import Folding
from leash_addon.screen.literals import needed
from leash_addon.screen.narrow import narrowed_pattern
from leash_addon.screen.need import Clause, Need
from leash_addon.screen.pattern import Regexp, compiled, translated
from leash_addon.screen.rule import Pack, Rule

type Kept = Callable[[Expressions], Built | None]
"""Finds what was built for some expressions, if it was."""


class Ready:
    """One pattern of a rule of a pack. ``number``: its place among all patterns of an engine."""

    def __init__(self, number: int, rule: Rule, pack: str, pattern: str, folding: Folding) -> None:
        """Take a pattern as the rule has it."""
        self.number = number
        self.rule = rule
        self.pack = pack
        self._pattern = pattern
        self._folding = folding

    @cached_property
    def regexp(self) -> Regexp:
        """Compile it. ``ValueError`` names the rule."""
        try:
            return compiled(self._pattern, self._folding)
        except ValueError as error:
            msg = f"{self.rule.id}: any_of: {error}; `leash rules check` says more"
            raise ValueError(msg) from None

    def prove(self) -> None:
        """Raise ``ValueError`` if RE2 does not take it."""
        _ = self.regexp

    @cached_property
    def need(self) -> Need:
        """Return the letters that it needs, or else its rule's keywords."""
        need = needed(translated(self._pattern, self._folding))
        words = [self._folding.fold(word).replace("\n", " ") for word in self.rule.keywords]
        if need.clauses or not words or not all(words):
            return need
        return need._replace(clauses=(Clause(frozenset(words), need.longest, need.longest),))

    @cached_property
    def narrowed(self) -> bytes | None:
        """Write it for an automaton; ``None`` if it cannot be."""
        try:
            return narrowed_pattern(translated(self._pattern, self._folding))
        except ValueError:
            return None


def ready(packs: Iterable[Pack], folding: Folding) -> tuple[Ready, ...]:
    """Return the patterns of packs, strict ones first."""
    every = [(rule, pack.name) for pack in packs for rule in pack.rules]
    every.sort(key=lambda each: each[0].severity)
    patterns = ((rule, pack, pattern) for rule, pack in every for pattern in rule.any_of)
    return tuple(Ready(n, *each, folding) for n, each in enumerate(patterns))


def expressions(patterns: Sequence[Ready]) -> Iterator[tuple[Expressions, tuple[int, ...]]]:
    """Yield what automata are built of, and the patterns' numbers.

    One for each severity of a pack: strict ones also read what is hidden, and a change of the
    sensitivity or of one pack needs no others.
    """
    fit = [each for each in patterns if each.narrowed is not None]
    fit.sort(key=lambda each: (each.pack, each.rule.severity, each.number))
    for (pack, severity), group in groupby(fit, key=lambda each: (each.pack, each.rule.severity)):
        members = tuple(group)
        texts = tuple(each.narrowed for each in members if each.narrowed is not None)
        yield Expressions(f"{pack}-{severity}", texts), tuple(each.number for each in members)


def kept_automaton(patterns: Sequence[Ready], kept: Kept) -> Automaton | None:
    """Return the automaton of all patterns, if all of it was built."""
    if not is_sound():
        return None
    parts: list[Part] = []
    for each, numbers in expressions(patterns):
        built = kept(each)
        if built is None:
            return None
        parts.append(Part(built, numbers))
    try:
        return Automaton(parts)
    except StaleError:
        return None
