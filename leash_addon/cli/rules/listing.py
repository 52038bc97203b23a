"""``leash rules list``: what there is."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from leash_addon.cli.options import json_option, read_settings
from leash_addon.cli.rules.sources import chosen_packs, pack_options
from leash_addon.cli.tables import print_table
from leash_addon.screen.rule import Rule

COLUMNS = (("ID", False), ("SEVERITY", True), ("PARTS", False), ("STATUS", False), ("TITLE", False))
EXAMPLES = """\b
Examples:
  leash rules list
  leash rules list --severity 1 --json
"""


class Listed(msgspec.Struct):
    """A rule in short. ``status``: also ``disabled``."""

    id: str
    title: str
    severity: int
    scan: list[str]
    status: str
    pack: str


@click.command("list", epilog=EXAMPLES)
@click.option("--severity", type=click.IntRange(1, 3), help="Only rules of this severity.")
@pack_options
@json_option
def list_(
    *, severity: int | None, packs: Sequence[str], config: Path | None, as_json: bool
) -> None:
    """List the rules of the packs in use."""
    disabled = read_settings(config).screening.disabled
    found = [
        _listed(rule, pack.name, disabled)
        for pack in chosen_packs(config, packs)
        for rule in pack.rules
        if severity in {None, rule.severity}
    ]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
        return
    print_table(
        COLUMNS,
        [
            [each.id, str(each.severity), ",".join(each.scan), each.status, each.title]
            for each in found
        ],
    )


def _listed(rule: Rule, pack: str, disabled: frozenset[str]) -> Listed:
    return Listed(
        id=rule.id,
        title=rule.title,
        severity=rule.severity,
        scan=sorted(rule.scan),
        status="disabled" if rule.id in disabled else rule.status,
        pack=pack,
    )
