"""``leash rules stats``: how many rules of which class and severity, and how often they fired."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from leash_addon.cli.options import json_option, read_settings
from leash_addon.cli.rules.firings import Times, by_times, counted, print_fired, times
from leash_addon.cli.rules.firings import unused as unused_rules
from leash_addon.cli.rules.sources import chosen_packs, pack_options
from leash_addon.cli.tables import print_table
from leash_addon.screen.rule import Rule, Status

COLUMNS = (
    ("CLASS", False),
    ("RULES", True),
    ("STRICT", True),
    ("MEDIUM", True),
    ("LOOSE", True),
    ("PATTERNS", True),
    ("SILENT", True),
)
EXAMPLES = """\b
Examples:
  leash rules stats
  leash rules stats --since 7d --unused
  leash rules stats --pack ./my-rules.toml --json
"""


class Class(msgspec.Struct):
    """Rules whose ids share a first word. ``silent``: drafts, retired and disabled ones."""

    name: str
    rules: int
    by_severity: list[int]
    patterns: int
    silent: int


class Stats(msgspec.Struct):
    """What ``--json`` prints. ``fired`` and ``unused``: ``None`` where no ledger was read.

    ``more``: findings that are not among ``fired``, of calls that had too many to list.
    """

    classes: list[Class]
    fired: list[Times] | None = None
    unused: list[str] | None = None
    more: int = 0


@click.command("stats", epilog=EXAMPLES)
@click.option("--since", metavar="SPAN|DATE", help="Count from then on: 7d, 2026-01-31; or ever.")
@click.option("--unused", is_flag=True, help="List the rules that may fire and never did.")
@click.option("--db", metavar="FILE|URL", help="The ledger; default ~/.leash/leash.db.")
@pack_options
@json_option
def stats_(
    *,
    since: str | None,
    unused: bool,
    db: str | None,
    packs: Sequence[str],
    config: Path | None,
    as_json: bool,
) -> None:
    """Count the rules of the packs in use by class and severity, and how often each fired.

    A finding counts when its text was new to a run: what an agent sends again counts once.
    """
    settings = read_settings(config, db=db)
    rules = [rule for pack in chosen_packs(config, packs) for rule in pack.rules]
    found = Stats(classes=_classes(rules, settings.screening.disabled))
    seen = counted(config, db, settings, since)
    if seen is not None:
        found.fired = [times(each) for each in by_times(seen)]
        found.unused = unused_rules(rules, settings.screening, seen)
        found.more = seen.more
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
    elif unused:
        click.echo("".join(f"{rule}\n" for rule in found.unused or ()), nl=False)
    else:
        _print_classes(found.classes)
        if seen is not None:
            click.echo()
            print_fired(seen, len(found.unused or ()), settings.timezone)


def _classes(rules: Sequence[Rule], disabled: frozenset[str]) -> list[Class]:
    names = sorted({_class(rule) for rule in rules})
    found = [
        _counted(name, [rule for rule in rules if _class(rule) == name], disabled) for name in names
    ]
    return [*found, _counted("all", rules, disabled)]


def _print_classes(classes: Sequence[Class]) -> None:
    print_table(
        COLUMNS,
        [
            [each.name, *map(str, (each.rules, *each.by_severity, each.patterns, each.silent))]
            for each in classes
        ],
    )


def _class(rule: Rule) -> str:
    return rule.id.partition(".")[0]


def _counted(name: str, rules: Sequence[Rule], disabled: frozenset[str]) -> Class:
    severities = Counter(rule.severity for rule in rules)
    return Class(
        name=name,
        rules=len(rules),
        by_severity=[severities[severity] for severity in (1, 2, 3)],
        patterns=sum(len(rule.any_of) for rule in rules),
        silent=sum(rule.status is not Status.STABLE or rule.id in disabled for rule in rules),
    )
