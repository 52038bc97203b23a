"""How often rules fired, folded from the journal."""

from leash_addon.core.fired import tally
from leash_addon.core.journal import Screened
from leash_addon.core.money import Instant
from leash_addon.core.part import Part
from leash_addon.core.screening import Action, Found


def found(rule: str, part: Part, action: Action) -> Found:
    """Return one finding."""
    return Found(rule=rule, part=part, severity=1, action=action, block="0" * 32)


USER = found("a.b.c", Part.USER, Action.REFUSE)
TOOL = found("a.b.c", Part.TOOL_RESULT, Action.ANNOTATE)
OTHER = found("a.b.d", Part.TOOL_RESULT, Action.ANNOTATE)
ENTRIES = [
    Screened(run="r", at=Instant(30), of="c3", found=(TOOL, OTHER), more=2),
    Screened(run="r", at=Instant(10), of="c1", found=(USER,)),
    Screened(run="q", at=Instant(20), of="c2", found=(TOOL,)),
]


def test_rules_are_counted_by_part_and_action() -> None:
    """Each finding counts once, and the last one tells when."""
    counted = tally(ENTRIES)
    one = counted.rules["a.b.c"]
    assert (one.times, one.last, counted.more) == (3, 30, 2)
    assert one.parts == {Part.USER: 1, Part.TOOL_RESULT: 2}
    assert one.actions == {Action.REFUSE: 1, Action.ANNOTATE: 2}
    assert counted.rules["a.b.d"].times == 1


def test_what_is_older_is_left_out() -> None:
    """The moment itself counts, what came before it does not."""
    assert {rule: one.times for rule, one in tally(ENTRIES, Instant(20)).rules.items()} == {
        "a.b.c": 2,
        "a.b.d": 1,
    }
