"""The promises of one rule."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from leash_addon.core.part import Part
from leash_addon.screen.engine import Engine
from leash_addon.screen.folding import Folding
from leash_addon.screen.pattern import Regexp, compiled, folds_a_range, translated
from leash_addon.screen.proof.bounds import unbounded
from leash_addon.screen.proof.variants import AS_WRITTEN, variants
from leash_addon.screen.rule import Pack, Rule, Status
from leash_addon.screen.sensitivity import Sensitivity

ID: Final = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+){2,}")
FEWEST: Final = 2
SHORTEST: Final = 3
DENSE: Final = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL")
"""Scripts of which two characters are a word."""
EDGE: Final = re.compile(r"\\[bB](?=[^\x00-\x7f])|(?<=[^\x00-\x7f])\\[bB]")
SHOWN: Final = 60


def broken_promises(rule: Rule, folding: Folding) -> Iterator[str]:
    """Yield one line per promise that a rule breaks; nothing for a retired rule but its id."""
    if not ID.fullmatch(rule.id):
        yield "id: is class.family.name in lower case, as override.ignore.previous"
    if rule.status is Status.RETIRED:
        return
    faults = [fault for pattern in rule.any_of for fault in _pattern(pattern, folding)]
    yield from faults
    yield from _keywords(rule, folding)
    if any(fault.startswith("any_of") for fault in faults):
        return
    for name, texts in (("match", rule.match), ("no_match", rule.no_match)):
        if len(texts) < FEWEST:
            yield f"examples.{name}: at least {FEWEST} are needed, here are {len(texts)}"
    yield from _examples(rule, folding)
    if not rule.views:
        regexps = [compiled(pattern, folding) for pattern in rule.any_of]
        yield from _idle_patterns(rule, regexps, folding)
        yield from _missing_keywords(rule, regexps, folding)


def _pattern(pattern: str, folding: Folding) -> Iterator[str]:
    try:
        regexp = compiled(pattern, folding)
    except ValueError as error:
        yield f"any_of: {pattern}: {error}"
        return
    if regexp.search(""):
        yield f"any_of: {pattern}: matches nothing at all"
    for piece in unbounded(pattern):
        yield f"{pattern}: {piece}: a gap needs an end of at most 200, such as .{{0,30}}"
    if folds_a_range(pattern, folding):
        yield f"{pattern}: an end of a range is an accented letter, which is folded; list them"
    if EDGE.search(translated(pattern, folding)):
        yield rf"{pattern}: \b knows ASCII letters only, beside another it never holds"


def _keywords(rule: Rule, folding: Folding) -> Iterator[str]:
    if not rule.keywords and not rule.views:
        yield "keywords: at least one is needed"
    for word in rule.keywords:
        least = FEWEST if _is_dense(word) else SHORTEST
        if sum(char.isalpha() for char in word) < least and not _is_marker(word):
            yield f"keywords: {word!r}: has fewer than {least} letters"
        if word != word.lower() or folding.fold(word) != folding.fold(word).strip():
            yield f"keywords: {word!r}: is to be in lower case, without white space around it"


def _is_dense(word: str) -> bool:
    return any(unicodedata.name(char, "").startswith(DENSE) for char in word)


def _is_marker(word: str) -> bool:
    """Tell whether a word is made of signs alone, such as ``<|``."""
    return len(word) >= FEWEST and not any(char.isalnum() or char.isspace() for char in word)


def _examples(rule: Rule, folding: Folding) -> Iterator[str]:
    alone = replace(rule, status=Status.STABLE)
    engine = Engine(
        [Pack(name="", version=1, rules=(alone,))], sensitivity=Sensitivity.HIGH, folding=folding
    )
    part = min(rule.scan, default=Part.USER)
    for name, texts, fires in (("match", rule.match, True), ("no_match", rule.no_match, False)):
        for text in texts:
            for way, written in _ways(rule, text):
                if bool(engine.screen(written, part)) != fires:
                    verb = "does not fire" if fires else "fires"
                    yield f"examples.{name}: {verb} {way}: {_short(text)}"
                    if fires and way == AS_WRITTEN:
                        break  # the other ways would only say it again
    for text in rule.known_miss:
        if engine.screen(text, part):
            yield f"known_miss: fires now, it belongs in examples.match: {_short(text)}"
    for text in rule.known_false_alarm:
        if not engine.screen(text, part):
            yield f"known_false_alarm: silent now, it belongs in examples.no_match: {_short(text)}"


def _ways(rule: Rule, text: str) -> Iterator[tuple[str, str]]:
    yield from [(AS_WRITTEN, text)] if rule.views else variants(text).items()


def _idle_patterns(rule: Rule, regexps: Sequence[Regexp], folding: Folding) -> Iterator[str]:
    """Yield the patterns that no example needs: without them every one would still fire."""
    firing = [
        {n for n, regexp in enumerate(regexps) if regexp.search(folding.fold(text))}
        for text in (*rule.match, *rule.known_false_alarm)
    ]
    for n, pattern in enumerate(rule.any_of):
        if {n} not in firing:
            yield f"any_of: no example needs {pattern}"


def _missing_keywords(rule: Rule, regexps: Sequence[Regexp], folding: Folding) -> Iterator[str]:
    words = [folding.fold(word) for word in rule.keywords]
    told: set[str] = set()
    for text in (*rule.match, *rule.known_false_alarm):
        folded = folding.fold(text)
        for regexp in regexps:
            for match in regexp.finditer(folded):
                lacks = not any(word in match.group() for word in words)
                if words and lacks and match.group() not in told:
                    told.add(match.group())
                    yield f"keywords: none is in what matches, {_short(match.group())}"


def _short(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")
