"""``leash fsck``: prove that the ledger is whole."""

from pathlib import Path

import click

from leash_addon.cli import shown
from leash_addon.cli.options import json_option, ledger_options, open_existing
from leash_addon.ledger import sqlite_warning

EXAMPLES = """\b
Examples:
  leash fsck
  leash fsck --db /srv/leash/leash.db --json
"""


@click.command(epilog=EXAMPLES)
@json_option
@ledger_options
def fsck(*, as_json: bool, config: Path | None, db: str | None) -> None:
    """Recompute everything from the journal and compare; safe on a live ledger.

    Balances equal the fold of the journal, no call is settled twice or without having been opened,
    holds are the open calls, the file is sound. Exit code 1 when something is not so.
    """
    with open_existing(config, db) as ledger:
        problems, path = ledger.fsck(), ledger.path
    warning = sqlite_warning()
    if as_json:
        found = [{"place": each.place, "message": each.message} for each in problems]
        click.echo(shown.as_json({"db": str(path), "problems": found, "warning": warning}))
    else:
        for each in problems:
            click.echo(f"{each.place}: {each.message}")
        click.echo(f"{path}: {len(problems)} problems" if problems else f"{path}: clean")
        if warning:
            click.echo(f"note: {warning}")
    if problems:
        raise click.exceptions.Exit(1)
