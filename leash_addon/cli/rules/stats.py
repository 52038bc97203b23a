"""``leash rules stats``: how many rules of which class and severity."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from leash_addon.cli.options import json_option, read_settings
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
  leash rules stats --pack ./my-rules.toml --json
"""


class Class(msgspec.Struct):
    """Rules whose ids share a first word. ``silent``: drafts, retired and disabled ones."""

    name: str
    rules: int
    by_severity: list[int]
    patterns: int
    silent: int


@click.command("stats", epilog=EXAMPLES)
@pack_options
@json_option
def stats_(*, packs: Sequence[str], config: Path | None, as_json: bool) -> None:
    """Count the rules of the packs in use by class and severity."""
    disabled = read_settings(config).screening.disabled
    rules = [rule for pack in chosen_packs(config, packs) for rule in pack.rules]
    names = sorted({_class(rule) for rule in rules})
    found = [
        _counted(name, [rule for rule in rules if _class(rule) == name], disabled) for name in names
    ]
    found.append(_counted("all", rules, disabled))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
        return
    print_table(
        COLUMNS,
        [
            [each.name, *map(str, (each.rules, *each.by_severity, each.patterns, each.silent))]
            for each in found
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
