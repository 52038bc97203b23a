"""``leash prune --before DATE``: forget old entries, keep what they come to."""

from datetime import datetime, tzinfo
from pathlib import Path

import click

from leash_addon.cli.options import ledger_options, now, open_existing, read_settings
from leash_addon.core.money import Instant
from leash_addon.core.windows import instant
from leash_addon.errors import UsageError

EXAMPLES = """\b
Examples:
  leash prune --before 2026-01-01
  leash prune --before 2026-01-01T12:00
"""


@click.command(epilog=EXAMPLES)
@click.option("--before", required=True, metavar="DATE", help="In the timezone of leash.toml.")
@ledger_options
def prune(*, before: str, config: Path | None, db: str | None) -> None:
    """Fold the entries before DATE into one checkpoint per account, and delete them.

    Every balance stays what it is, and fsck goes on proving it; single calls from before DATE can
    no longer be inspected. Entries of a call that may still change stay. A file does not shrink:
    what is freed is used again. Make a copy first: leash backup FILE.
    """
    at = moment(before, read_settings(config, db=db).timezone)
    if at > now():
        msg = f"--before: {before} has not come yet"
        raise UsageError(msg)
    with open_existing(config, db) as ledger:
        gone = ledger.upkeep.prune(at)
    entries = "1 entry" if gone == 1 else f"{gone} entries"
    click.echo(f"leash: {entries} pruned", err=True)


def moment(text: str, zone: tzinfo, *, flag: str = "--before") -> Instant:
    """Read a date or a time, in a zone unless it names its own. Raises ``UsageError``."""
    try:
        found = datetime.fromisoformat(text)
        return instant(found if found.tzinfo is not None else found.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        msg = f"{flag}: {text!r} is no date; write for example 2026-01-01"
        raise UsageError(msg) from None
