"""The promises of packs together: ids are unique, and ordinary text is left alone."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from leash_addon.core.part import Part
from leash_addon.screen.engine import Engine
from leash_addon.screen.folding import Folding
from leash_addon.screen.proof.rule import broken_promises
from leash_addon.screen.rule import Pack, Status
from leash_addon.screen.sensitivity import Sensitivity

GAP: Final = re.compile(r"\n\s*\n")


def broken(packs: Sequence[Pack], benign: str) -> Iterator[str]:
    """Yield one line per broken promise. ``benign``: ordinary texts, parted by blank lines."""
    folding = Folding()
    lines = [
        f"{pack.name}: {rule.id}: {line}"
        for pack in packs
        for rule in pack.rules
        for line in broken_promises(rule, folding)
    ]
    yield from lines
    yield from _ids(packs)
    if not any(": any_of: " in line for line in lines):
        yield from _false_alarms(packs, benign, folding)


def _ids(packs: Sequence[Pack]) -> Iterator[str]:
    rules = [rule for pack in packs for rule in pack.rules]
    for rule_id, times in Counter(rule.id for rule in rules).items():
        if times > 1:
            yield f"{rule_id}: {times} rules have this id"
    live = {rule.id for rule in rules if rule.status is not Status.RETIRED}
    for rule in rules:
        for old in live.intersection(rule.replaces):
            yield f"{rule.id}: replaces: {old} is not retired"


def _false_alarms(packs: Sequence[Pack], benign: str, folding: Folding) -> Iterator[str]:
    engine = Engine([_awake(pack) for pack in packs], sensitivity=Sensitivity.HIGH, folding=folding)
    for text in GAP.split(benign):
        fired = {each.rule for part in Part for each in engine.screen(text, part)}
        for rule in sorted(fired):
            yield f"{rule}: fires on the ordinary text {text[:60]!r}"


def _awake(pack: Pack) -> Pack:
    """Let the drafts fire too."""
    rules = [
        replace(rule, status=Status.STABLE) if rule.status is Status.DRAFT else rule
        for rule in pack.rules
    ]
    return replace(pack, rules=tuple(rules))
