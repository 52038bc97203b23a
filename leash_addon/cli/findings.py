"""``leash findings``: what screening found. Rules, places and hashes, never a text."""

from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from leash_addon.cli import shown
from leash_addon.cli.options import json_option, ledger_options, open_source, read_settings
from leash_addon.cli.say import say
from leash_addon.cli.tables import print_table
from leash_addon.core.journal import Screened

COLUMNS = (
    ("TIME", False),
    ("RUN", False),
    ("RULE", False),
    ("PART", False),
    ("SEVERITY", True),
    ("ACTION", False),
    ("PLACE", False),
    ("AT", False),
    ("VIEW", False),
    ("HASH", False),
)

EXAMPLES = """\b
Examples:
  leash findings
  leash findings --run a3f9c2e1 --json
"""


@click.command(epilog=EXAMPLES)
@click.option("--run", metavar="RUN", help="Only those of one run.")
@json_option
@click.option("--timezone", metavar="Europe/Berlin", help="Show times in this zone; default UTC.")
@ledger_options
def findings(
    *, run: str | None, as_json: bool, timezone: str | None, config: Path | None, db: str | None
) -> None:
    """Show which rules fired where, oldest first. --json prints a list.

    HASH names the text: leash rules allow HASH lets it pass from now on.
    """
    zone = read_settings(config, timezone=timezone).timezone
    with open_source(config, db) as ledger:
        if run is not None:
            ledger.balance(run)
        found = list(ledger.findings(run))
    if as_json:
        click.echo(shown.as_json([one for entry in found for one in shown.findings(entry)]))
        return
    print_table(COLUMNS, _rows(found, zone))
    if found:
        say("`leash rules allow HASH` lets a text pass, `leash rules disable RULE` silences a rule")
    more = sum(entry.more for entry in found)
    if more:
        click.echo(f"{more} more fired on calls that had too many to list")


def _rows(entries: Iterable[Screened], zone: ZoneInfo) -> list[list[str]]:
    return [
        [
            shown.local_time(entry.at, zone) or "",
            entry.run,
            found.rule,
            found.part,
            str(found.severity),
            found.action,
            found.place,
            f"{found.start}-{found.end}",
            found.view,
            found.block,
        ]
        for entry in entries
        for found in entry.found
    ]
