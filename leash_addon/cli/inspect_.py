"""``leash inspect RUN``: one run, its account, its calls."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from leash_addon.cli import shown
from leash_addon.cli.lines import count
from leash_addon.cli.options import json_option, ledger_options, now, open_source, read_settings
from leash_addon.cli.tables import print_table
from leash_addon.cli.tree import drawn, grown
from leash_addon.core.balance import Balance
from leash_addon.core.journal import Entry, RunFinished
from leash_addon.core.money import Instant, Pico, show_usd
from leash_addon.ledger import Standing
from leash_addon.proxy.account import Account

CALL_COLUMNS = (
    ("#", True),
    ("TIME", False),
    ("MODEL", False),
    ("INPUT", True),
    ("CACHED", True),
    ("OUTPUT", True),
    ("COST", True),
    ("CONFIDENCE", False),
    ("STATUS", False),
    ("MS", True),
    ("FIRST BYTE", True),
    ("NOTES", False),
)

EXAMPLES = """\b
Examples:
  leash inspect a3f9c2e1
  leash inspect a3f9c2e1 --json
  leash inspect a3f9c2e1 --tree
"""


@click.command("inspect", epilog=EXAMPLES)
@click.argument("run")
@json_option
@click.option("--tree", "as_tree", is_flag=True, help="Show cost by process and kind of call.")
@click.option("--timezone", metavar="Europe/Berlin", help="Show times in this zone; default UTC.")
@ledger_options
def inspect(
    *,
    run: str,
    as_json: bool,
    as_tree: bool,
    timezone: str | None,
    config: Path | None,
    db: str | None,
) -> None:
    """Show RUN: its limits, what it has spent, and each of its calls. --json prints one object.

    --tree adds the cost up by the processes that made the calls (of leash run, on Linux), and by
    what the calls were for, where the agent lets it be known.
    """
    at, zone = now(), read_settings(config, timezone=timezone).timezone
    with open_source(config, db) as ledger:
        standing = ledger.standing(run, at)
        entries = list(ledger.entries(run))
    calls, events = shown.calls(entries), shown.happenings(entries)
    if as_tree:
        tree = grown(run, calls)
        click.echo(shown.as_json(tree.as_shown()) if as_json else "\n".join(drawn(tree)))
        return
    if as_json:
        more = {"coverage": coverage(entries), "entries": calls, "events": events}
        click.echo(shown.as_json(shown.run(standing, at) | more))
        return
    _print_run(standing, at, zone)
    for name, counts in (("coverage", coverage(entries)), ("plan", plan(calls))):
        if counts:
            click.echo(f"{name:<11}" + ", ".join(f"{what} {n}" for what, n in counts.items()))
    for account in charged(calls):
        click.echo(f"{'charged':<11}{account}")
    print_table(CALL_COLUMNS, [_row(number, call) for number, call in enumerate(calls, 1)])
    for event in events:
        click.echo("  ".join(f"{name} {value}" for name, value in event.items() if value))


def coverage(entries: Iterable[tuple[int, Entry]]) -> dict[str, int]:
    """Add up what passed through the proxy, and what passed it by, whenever the run was on."""
    found = Counter[str]()
    for _, entry in entries:
        if isinstance(entry, RunFinished):
            found.update(entry.coverage)
    return dict(found)


def plan(calls: Iterable[shown.Shown]) -> dict[str, str]:
    """Return what the subscription last said of its own limits."""
    said = [call["plan"] for call in calls if "plan" in call]
    return said[-1] if said and isinstance(said[-1], dict) else {}


def charged(calls: Iterable[shown.Shown]) -> list[str]:
    """Return the accounts of caps that any of the calls were charged to."""
    found: dict[str, None] = {}
    for call in calls:
        caps = call["caps"]
        found |= dict.fromkeys(caps if isinstance(caps, list) else [])
    return list(found)


def _print_run(standing: Standing, at: Instant, zone: ZoneInfo) -> None:
    balance = standing.balance
    account = Account(balance=balance, now=at)
    limits = [f"{name} {_plain(value)}" for name, value in account.limits().items()]
    lines = {
        "run": standing.run,
        "status": _status(standing, zone),
        "program": balance.program,
        "started": shown.local_time(balance.started_at, zone),
        "first call": shown.local_time(balance.first_call_at, zone),
        "limits": ", ".join(limits) or "none",
        "calls": f"{balance.calls}, {balance.open_calls} open",
        "tokens": _tokens(balance),
        "cost": _cost(balance, at, account.total),
    }
    for name, value in lines.items():
        if value:
            click.echo(f"{name:<11}{value}")


def _status(standing: Standing, zone: ZoneInfo) -> str:
    balance = standing.balance
    if balance.stopped is None:
        return str(standing.status)
    moment = shown.local_time(balance.stopped_at, zone)
    why = f": {balance.stop_message}" if balance.stop_message else ""
    return f"{standing.status} ({balance.stopped}) at {moment}{why}"


def _plain(value: object) -> str:
    """Write a limit: amounts come as raw JSON numbers."""
    return bytes(value).decode() if hasattr(value, "__buffer__") else str(value)


def _tokens(balance: Balance) -> str:
    counts = balance.tokens
    return (
        f"{counts.input} input ({counts.cache_read} cached, {counts.cache_write} written), "
        f"{counts.output} output ({counts.reasoning} reasoning)"
    )


def _cost(balance: Balance, at: Instant, total: Pico) -> str:
    parts = [show_usd(total)]
    compute = balance.compute(at)
    if compute:
        parts.append(f"{show_usd(balance.counted())} tokens + {show_usd(compute)} compute")
    if balance.held:
        parts.append(f"{show_usd(balance.held)} held")
    if balance.imputed and not balance.limits.count_imputed:
        parts.append(f"{show_usd(balance.imputed)} imputed to a subscription, not counted")
    if balance.unpriced:
        parts.append(f"{count(balance.unpriced, 'call')} without a price")
    return " · ".join(parts)


def _row(number: int, call: shown.Shown) -> list[str]:
    counts = call["tokens"] if isinstance(call["tokens"], dict) else {}
    cost, notes = call["cost_pico"], call["notes"]
    return [
        str(number),
        str(call["at"])[11:19],
        str(call["model"] or "-"),
        *(str(counts.get(name, "")) for name in ("input", "cache_read", "output")),
        show_usd(Pico(cost)) if isinstance(cost, int) else "-",
        str(call["confidence"] or "open"),
        str(call["status"] or "-"),
        _whole(call["duration_ms"]),
        _whole(call["first_byte_ms"]),
        "; ".join(notes) if isinstance(notes, list) else "",
    ]


def _whole(span: object) -> str:
    return f"{span:.0f}" if isinstance(span, float | int) else "-"
