"""How often rules fired, as the ledger has it: read, counted and shown."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from leash_addon.cli.options import now, open_source
from leash_addon.cli.prune import moment
from leash_addon.cli.rules.sources import usual_sensitivity
from leash_addon.cli.say import say
from leash_addon.cli.shown import local_time
from leash_addon.cli.tables import print_table
from leash_addon.config.durations import seconds
from leash_addon.config.screening import ScreeningSettings
from leash_addon.config.settings import Settings
from leash_addon.core.fired import Fired, Tally, tally
from leash_addon.core.money import Instant
from leash_addon.core.part import Part
from leash_addon.core.screening import Action
from leash_addon.errors import UsageError
from leash_addon.proxy.account import time_of
from leash_addon.screen.rule import Rule, Status

COLUMNS = (("RULE", False), ("FIRED", True), ("PARTS", False), ("ACTIONS", False), ("LAST", False))


class Times(msgspec.Struct):
    """How often a rule fired. ``last``: in UTC, as ISO 8601 has it; ``None``: never."""

    rule: str
    times: int
    parts: dict[str, int]
    actions: dict[str, int]
    last: str | None


def counted(
    config: Path | None, db: str | None, settings: Settings, since: str | None
) -> Tally | None:
    """Fold the ledger's findings; ``None``, and a word why, where there is no ledger yet.

    ``since``: a span, or a date in the settings' zone. Raises ``UsageError`` where it is neither.
    """
    first = None if since is None else _moment(since, settings.timezone)
    try:
        source = open_source(config, db)
    except UsageError as error:
        say(f"no findings are counted: {error}")
        return None
    with source as ledger:
        return tally(ledger.findings(), first)


def _moment(text: str, zone: ZoneInfo) -> Instant:
    """Read how long ago, or a date. Raises ``UsageError``."""
    try:
        return Instant(now() - seconds(text) * 1_000_000)
    except ValueError:
        return moment(text, zone, flag="--since")


def by_times(counted: Tally) -> list[Fired]:
    """Return the rules that fired, the busiest first."""
    return sorted(counted.rules.values(), key=lambda each: (-each.times, each.rule))


def unused(rules: Sequence[Rule], settings: ScreeningSettings, counted: Tally) -> list[str]:
    """Name the rules that may fire at the sensitivity in use and are not among those that did."""
    level = usual_sensitivity(settings)
    return sorted(
        rule.id
        for rule in rules
        if rule.status is Status.STABLE
        and rule.id not in settings.disabled
        and level.admits(rule.severity)
        and rule.id not in counted.rules
    )


def times(fired: Fired) -> Times:
    """Return one rule's firings for programs."""
    return Times(
        rule=fired.rule,
        times=fired.times,
        parts={str(part): times for part, times in fired.parts.most_common()},
        actions={str(action): times for action, times in fired.actions.most_common()},
        last=None if fired.last is None else time_of(fired.last),
    )


def print_fired(counted: Tally, never: int, zone: ZoneInfo) -> None:
    """Show them to people. ``never``: how many rules may fire and did not."""
    rows = [
        [
            each.rule,
            str(each.times),
            _listed(each.parts),
            _listed(each.actions),
            local_time(each.last, zone) or "",
        ]
        for each in by_times(counted)
    ]
    if rows:
        print_table(COLUMNS, rows)
    click.echo(f"{never} rules may fire and did not; --unused lists them")
    if counted.more:
        click.echo(f"{counted.more} more fired on calls that had too many to list")


def _listed(counts: Counter[Part] | Counter[Action]) -> str:
    return ", ".join(f"{name} {times}" for name, times in counts.most_common())
