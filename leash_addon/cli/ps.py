"""``leash ps``: the runs of the ledger, newest first."""

from pathlib import Path

import click

from leash_addon.cli import shown
from leash_addon.cli.options import (
    is_there,
    json_option,
    ledger_options,
    now,
    open_source,
    read_settings,
)
from leash_addon.cli.remote import current
from leash_addon.cli.tables import print_table
from leash_addon.core.money import SECOND, Instant, show_usd
from leash_addon.ledger import Standing, Status
from leash_addon.proxy.account import Account

RECENT = 20
"""Ended runs that are listed without ``--all``."""

COLUMNS = (
    ("RUN", False),
    ("STATUS", False),
    ("REASON", False),
    ("CALLS", True),
    ("OPEN", True),
    ("INPUT", True),
    ("OUTPUT", True),
    ("COST", True),
    ("HELD", True),
    ("LAST CALL", False),
    ("PROGRAM", False),
)

EXAMPLES = """\b
Examples:
  leash ps
  leash ps --all --json
"""


@click.command(epilog=EXAMPLES)
@click.option("--all", "every", is_flag=True, help="List every run, not only recent ones.")
@json_option
@ledger_options
def ps(*, every: bool, as_json: bool, config: Path | None, db: str | None) -> None:
    """List runs: those that are running, and recent ones. --json prints a list."""
    at = now()
    standings: list[Standing] = []
    if current() is not None or is_there(read_settings(config, db=db).db):
        with open_source(config, db) as ledger:
            standings = ledger.runs(at)
    wanted = standings if every else recent(standings)
    if as_json:
        click.echo(shown.as_json([shown.run(standing, at) for standing in wanted]))
        return
    print_runs(wanted, at)
    if len(wanted) < len(standings):
        click.echo(f"{len(standings) - len(wanted)} more; `leash ps --all` lists every one")


def print_runs(standings: list[Standing], at: Instant) -> None:
    """Print runs as a table."""
    print_table(COLUMNS, [_row(standing, at) for standing in standings])


def recent(standings: list[Standing]) -> list[Standing]:
    """Return all running runs, and the newest that have ended."""
    ended = [one.run for one in standings if one.status is not Status.RUNNING][:RECENT]
    keep = set(ended)
    return [one for one in standings if one.status is Status.RUNNING or one.run in keep]


def _row(standing: Standing, at: Instant) -> list[str]:
    balance = standing.balance
    return [
        standing.run,
        standing.status,
        balance.stopped or "",
        str(balance.calls),
        str(balance.open_calls),
        str(balance.tokens.input),
        str(balance.tokens.output),
        show_usd(Account(balance=balance, now=at).total),
        show_usd(balance.held) if balance.held else "",
        _ago(balance.last_call_at, at),
        balance.program,
    ]


def _ago(then: Instant | None, at: Instant) -> str:
    if then is None:
        return "never"
    span = max(0, at - then) // SECOND
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if span >= size:
            return f"{span // size}{unit} ago"
    return f"{span}s ago"
