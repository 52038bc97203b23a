"""``leash backup FILE``: a copy of the ledger while it is used."""

from pathlib import Path

import click

from leash_addon.cli.options import ledger_options, open_existing

EXAMPLES = """\b
Examples:
  leash backup /srv/backup/leash-2026-11-21.db
"""


@click.command(epilog=EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path))
@ledger_options
def backup(*, file: Path, config: Path | None, db: str | None) -> None:
    """Copy the ledger to FILE, as it stands at one moment; safe on a live one.

    FILE must be new; it is a whole ledger of its own: leash fsck --db FILE proves it.
    """
    with open_existing(config, db) as ledger:
        size = ledger.upkeep.backup(file)
    click.echo(f"leash: wrote {file} ({size} bytes)", err=True)
