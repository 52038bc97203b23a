"""From what fired in a text to where that stands in the request, and to what is done about it."""

from collections.abc import Mapping

from leash_addon.core.screening import Action, Found
from leash_addon.proxy.acting import Blocked, annotated, redacted
from leash_addon.proxy.verdicts import Judged
from leash_addon.screen.finding import Finding
from leash_addon.wire.texts import Path, Text
from leash_addon.wire.texts.rewrite import shown


def judged_of(
    text: Text, action: Action, block: str, path: Path, fired: tuple[Finding, ...]
) -> Judged:
    """Return what is made of a text in which rules fired, the strictest first."""
    if not fired:
        return Judged()
    first = fired[0]
    place = place_of(text, path, first)
    blocked = Blocked(
        rule=first.rule,
        title=first.title,
        why=first.why,
        part=text.part,
        place=place,
        block=block,
        tool=text.tool,
        call=text.call,
    )
    return Judged(
        found=tuple(_found(each, action, block, place_of(text, path, each)) for each in fired),
        blocked=blocked if action is Action.REFUSE else None,
    )


def place_of(text: Text, path: Path, fired: Finding | Found) -> str:
    """Say where the string is in which a rule fired."""
    return shown((*path, *text.leaf_at(fired.start).path))


def _found(fired: Finding, action: Action, block: str, place: str) -> Found:
    return Found(
        rule=fired.rule,
        part=fired.part,
        severity=fired.severity,
        action=action,
        block=block,
        place=place,
        start=fired.start,
        end=fired.end,
        view=fired.view,
    )


def values_of(text: Text, action: Action, found: tuple[Found, ...]) -> Mapping[Path, str]:
    """Return the new strings of a text, by their paths in the piece."""
    match action:
        case Action.ANNOTATE:
            return annotated(text, found)
        case Action.REDACT:
            return redacted(text, found)
        case _:
            return {}
