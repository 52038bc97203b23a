"""``leash kill RUN``: end a run by hand."""

from pathlib import Path

import click

from leash_addon.cli.lines import count
from leash_addon.cli.options import ledger_options, now, open_source, who

EXAMPLES = """\b
Examples:
  leash kill a3f9c2e1
"""


@click.command(epilog=EXAMPLES)
@click.argument("run")
@ledger_options
def kill(*, run: str, config: Path | None, db: str | None) -> None:
    """End RUN: its very next call is refused, wherever it is governed. This cannot be undone."""
    at = now()
    with open_source(config, db) as ledger:
        ledger.kill(run, at, by=who())
        balance = ledger.balance(run)
    still = f"; still open: {balance.open_calls}" if balance.open_calls else ""
    click.echo(f"leash: killed run {run} after {count(balance.calls, 'call')}{still}", err=True)
