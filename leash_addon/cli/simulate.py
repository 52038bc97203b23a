"""``leash simulate --config new.toml``: what other limits would have refused."""

from collections.abc import Callable, Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from leash_addon.cli import shown
from leash_addon.cli.lines import count
from leash_addon.cli.options import json_option, open_existing, read_settings
from leash_addon.cli.tables import print_table
from leash_addon.config.settings import LIMIT_KEYS, Settings
from leash_addon.core.journal import Entry
from leash_addon.core.limits import Limits
from leash_addon.core.money import Pico, show_usd
from leash_addon.core.replay import Refused, Replay, ends_of
from leash_addon.errors import UsageError
from leash_addon.ledger import run_account
from leash_addon.proxy.account import time_of

COLUMNS = (
    ("TIME", False),
    ("RUN", False),
    ("MODEL", False),
    ("COST", True),
    ("REASON", False),
    ("EFFECT", False),
    ("WHY", False),
)

EXAMPLES = """\b
Examples:
  leash simulate --config stricter.toml
  leash simulate --config stricter.toml --run nightly --json
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="The configuration to try: its limits, caps, rates and holds.",
)
@click.option("--run", "only", metavar="RUN", help="Show the calls of one run; all are replayed.")
@click.option("--db", metavar="FILE", help="The ledger; default: as FILE says.")
@json_option
def simulate(*, config: Path, only: str | None, db: str | None, as_json: bool) -> None:
    """Replay the journal under another configuration; print what it would have refused, and when.

    A call is as large as it is on record. What was refused then is not replayed, nor is waiting
    for held money, nor anything that was pruned. Limits that FILE does not name stay as recorded.
    """
    settings = read_settings(config, db=db)
    if not settings.limits_given and not settings.caps and not settings.rates:
        msg = "--config: it sets no limit, no [[cap]] and no [[rate]]; there is nothing to try"
        raise UsageError(msg)
    with open_existing(config, db) as ledger:
        if only is not None:
            ledger.balance(only)
        replay, found = _replayed(ledger.upkeep.history, settings)
        was_pruned = ledger.upkeep.was_pruned()
    wanted = [one for one in found if only is None or one.opened.run == only]
    if as_json:
        click.echo(
            shown.as_json(
                _summary(replay, was_pruned=was_pruned)
                | {"refused": [_shown(one) for one in wanted]}
            )
        )
        return
    print_table(COLUMNS, [_row(one, settings.timezone) for one in wanted])
    saved = Pico(sum(one.cost or 0 for one in wanted))
    click.echo(
        f"{len(wanted)} of {count(replay.calls, 'call')} would have been refused, which came to "
        f"{show_usd(saved)}; the calls that go come to {show_usd(replay.spent)}"
    )
    if was_pruned:
        click.echo("note: older entries were pruned; what they came to counts as nothing here")


def _replayed(
    history: Callable[[], Iterable[Entry]], settings: Settings
) -> tuple[Replay, list[Refused]]:
    """Read the journal twice, a page at a time: a long one does not fit into memory."""
    given = {
        key.name: getattr(settings.limits, key.name)
        for key in LIMIT_KEYS
        if key.name in settings.given
    }

    def limits(recorded: Limits) -> Limits:
        return msgspec.structs.replace(recorded, **given)

    replay = Replay(settings.terms, limits, run_account=run_account, on_blind=settings.on_blind)
    return replay, list(replay.run(history(), ends_of(history())))


def _summary(replay: Replay, *, was_pruned: bool) -> shown.Shown:
    cost = shown.money("admitted_cost", replay.spent)
    return {"calls": replay.calls, **cost, "pruned": was_pruned}


def _row(one: Refused, zone: ZoneInfo) -> list[str]:
    return [
        shown.local_time(one.opened.at, zone) or "",
        one.opened.run,
        one.opened.model or "-",
        "-" if one.cost is None else show_usd(one.cost),
        one.trip.reason,
        one.trip.effect,
        one.trip.message,
    ]


def _shown(one: Refused) -> shown.Shown:
    return {
        "at": time_of(one.opened.at),
        "run": one.opened.run,
        "call": one.opened.call,
        "model": one.opened.model or None,
        "reason": str(one.trip.reason),
        "effect": str(one.trip.effect),
        "message": one.trip.message,
        "account": one.trip.account or None,
        **shown.money("cost", one.cost),
    }
