"""``leash fsck``: prove that the ledger is whole."""

from pathlib import Path

import click

from leash_addon.cli import shown
from leash_addon.cli.lines import count
from leash_addon.cli.options import json_option, ledger_options, now, open_existing
from leash_addon.ledger import sqlite_warning

EXAMPLES = """\b
Examples:
  leash fsck
  leash fsck --repair
  leash fsck --db /srv/leash/leash.db --json
"""


@click.command(epilog=EXAMPLES)
@click.option("--repair", is_flag=True, help="Rebuild balances and holds from the journal.")
@json_option
@ledger_options
def fsck(*, repair: bool, as_json: bool, config: Path | None, db: str | None) -> None:
    """Recompute everything from the journal and compare; safe on a live ledger.

    Balances equal the fold of the journal, no call is settled twice or without having been opened,
    holds are the open calls, the file is sound. Exit code 1 when something is not so. With
    --repair, what was wrong is printed, and 0 means that it is right now.
    """
    with open_existing(config, db) as ledger:
        problems = ledger.upkeep.repair() if repair else ledger.fsck()
        path, left = ledger.path, ledger.fsck() if repair else problems
        orphans = ledger.upkeep.orphans(now())
    warning = sqlite_warning() if isinstance(path, Path) else None
    if as_json:
        found = [{"place": each.place, "message": each.message} for each in problems]
        told = {"db": str(path), "problems": found, "left": len(left)}
        told |= {"orphans": orphans, "warning": warning}
        click.echo(shown.as_json(told))
    else:
        for each in problems:
            click.echo(f"{each.place}: {each.message}")
        click.echo(f"{path}: {_told(len(problems), len(left), repair=repair)}")
        if orphans:
            click.echo(f"note: {_orphaned(orphans)}")
        if warning:
            click.echo(f"note: {warning}")
    if left:
        raise click.exceptions.Exit(1)


def _orphaned(calls: int) -> str:
    are = "is" if calls == 1 else "are"
    return (
        f"{count(calls, 'call')} {are} open whose process has died; the next leash that governs "
        "settles them at what was held for them"
    )


def _told(problems: int, left: int, *, repair: bool) -> str:
    if not problems:
        return "clean"
    found = count(problems, "problem")
    if not repair:
        return found
    return f"{found}, {left} of them left" if left else f"{found} repaired"
