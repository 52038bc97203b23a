"""``leash top``: runs and calls in flight, live."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from leash_addon.cli import shown
from leash_addon.cli.lines import count
from leash_addon.cli.options import json_option, ledger_options, now, open_source
from leash_addon.cli.remote import Source
from leash_addon.core.journal import CallOpened
from leash_addon.core.money import SECOND, Instant, Pico, show_usd
from leash_addon.ledger import Standing, Status
from leash_addon.proxy.account import Account

RECENT = 60 * SECOND
"""Ended runs are shown for so long."""

RUNS = ("RUN", "STATUS", "CALLS", "OPEN", "COST", "HELD", "LIMIT", "WAITS FOR", "PROGRAM")
CALLS = ("RUN", "MODEL", "FOR", "HOLD", "CLIENT", "PROCESS")
EXAMPLES = """\b
Examples:
  leash top
  leash top --once
  leash top --json | jq .runs
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    metavar="SECONDS",
    default=1.0,
    show_default=True,
    help="Look again after so long.",
)
@click.option("--once", is_flag=True, help="Print once and end, as without a terminal.")
@json_option
@ledger_options
def top(*, interval: float, once: bool, as_json: bool, config: Path | None, db: str | None) -> None:
    """Watch the runs that are running: calls in flight, dollars, what they wait for.

    Ends with Ctrl-C. --json prints one object.
    """
    with open_source(config, db) as ledger:
        if as_json:
            click.echo(shown.as_json(_shown(ledger, now())))
        elif once or not sys.stdout.isatty():
            Console(width=None if sys.stdout.isatty() else 200).print(_view(ledger, now()))
        else:
            _watch(ledger, interval)


def _watch(ledger: Source, interval: float) -> None:
    with Live(_view(ledger, now()), screen=True, auto_refresh=False) as live:
        try:
            while True:
                time.sleep(interval)
                live.update(_view(ledger, now()), refresh=True)
        except KeyboardInterrupt:
            return


def _shown(ledger: Source, at: Instant) -> shown.Shown:
    runs = [shown.run(one, at) | {"waits_for": waits_for(one)} for one in _active(ledger, at)]
    calls: list[shown.Shown] = [
        {
            "run": call.run,
            "call": call.call,
            "provider": call.provider,
            "model": call.model or None,
            "client": call.client or None,
            "tags": call.tags,
            "open_ms": shown.milliseconds(max(0, at - call.at)),
            **shown.money("hold", call.hold),
        }
        for call in ledger.open_calls()
    ]
    return {"runs": runs, "calls": calls}


def _active(ledger: Source, at: Instant) -> list[Standing]:
    """Return the runs that are running, and those that have just ended."""
    return [one for one in ledger.runs(at) if one.status is Status.RUNNING or _is_recent(one, at)]


def _is_recent(standing: Standing, at: Instant) -> bool:
    balance = standing.balance
    last = max(balance.last_call_at or 0, balance.stopped_at or 0, balance.finished_at or 0)
    return at - last <= RECENT


def waits_for(standing: Standing) -> str:
    """Say what a run waits for, as far as its account tells."""
    balance, limits = standing.balance, standing.balance.limits
    if balance.stopped is not None:
        return f"leash raise ({balance.stopped})"
    if not balance.open_calls:
        return ""
    if 0 < limits.max_inflight <= balance.open_calls:
        return "a free place (max_inflight)"
    if 0 < limits.max_cost <= balance.counted() + balance.held:
        return "held money"
    return "its provider"


def _view(ledger: Source, at: Instant) -> Group:
    runs, calls = _active(ledger, at), ledger.open_calls()
    held = show_usd(Pico(sum(one.balance.held for one in runs)))
    title = Text(f"{count(len(runs), 'run')}, {count(len(calls), 'call')} in flight, {held} held")
    rows = [_run(one, at) for one in runs]
    return Group(title, _table(RUNS, rows), _table(CALLS, [_call(one, at) for one in calls]))


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _run(standing: Standing, at: Instant) -> list[str]:
    balance = standing.balance
    ceiling = balance.limits.max_cost
    return [
        standing.run,
        str(standing.status),
        str(balance.calls),
        str(balance.open_calls),
        show_usd(Account(balance=balance, now=at).total),
        show_usd(balance.held) if balance.held else "",
        show_usd(ceiling) if ceiling else "",
        waits_for(standing),
        balance.program,
    ]


def _call(call: CallOpened, at: Instant) -> list[str]:
    seconds = max(0, at - call.at) / SECOND
    process = call.tags.get("process", "").rpartition("/")[2]
    return [call.run, call.model, f"{seconds:.1f}s", show_usd(call.hold), call.client, process]
