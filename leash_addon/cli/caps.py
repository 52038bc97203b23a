"""``leash caps``: what the accounts of caps stand at, and when they begin anew."""

from collections.abc import Iterable, Iterator
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from msgspec import Struct

from leash_addon.cli import shown
from leash_addon.cli.options import (
    is_there,
    json_option,
    ledger_options,
    now,
    open_existing,
    read_settings,
)
from leash_addon.cli.remote import current
from leash_addon.cli.tables import print_table
from leash_addon.config.settings import Settings
from leash_addon.core.balance import Balance
from leash_addon.core.caps import Cap, CapAccount, accounts_at
from leash_addon.core.journal import CapRaised
from leash_addon.core.limits import Ceiling
from leash_addon.core.money import Instant, Pico, show_usd
from leash_addon.core.windows import Window, window_at
from leash_addon.ledger import Ledger
from leash_addon.ledger.virtual_keys import key_caps
from leash_addon.proxy.account import dollars, time_of

COLUMNS = (
    ("SCOPE", False),
    ("WINDOW", False),
    ("SPENT", True),
    ("HELD", True),
    ("CALLS", True),
    ("TOKENS", True),
    ("LIMIT", False),
    ("ACTION", False),
    ("RESETS", False),
)

EXAMPLES = """\b
Examples:
  leash caps
  leash caps --all --json
"""


class Held(Struct, frozen=True, kw_only=True):
    """A cap's account and what it stands at. ``window``: with its moments, where it is today's."""

    account: CapAccount
    balance: Balance
    window: Window
    is_current: bool


@click.command(epilog=EXAMPLES)
@click.option("--all", "every", is_flag=True, help="List past windows too.")
@json_option
@ledger_options
def caps(*, every: bool, as_json: bool, config: Path | None, db: str | None) -> None:
    """List the accounts of the caps in leash.toml and of virtual keys: spent, held and allowed."""
    settings, at, remote = read_settings(config, db=db), now(), current()
    if remote is not None:
        found = remote.ask("caps?all=1" if every else "caps")
        print_caps(found, settings.timezone, as_json=as_json, known=True)
        return
    rows: list[shown.Shown] = []
    known = bool(settings.caps)
    if is_there(settings.db):
        with open_existing(config, db) as ledger:
            known = known or bool(key_caps(ledger.database))
            rows = capped(ledger, settings, at, every=every)
    print_caps(rows, settings.timezone, as_json=as_json, known=known)


def print_caps(rows: list[shown.Shown], zone: ZoneInfo, *, as_json: bool, known: bool) -> None:
    """Print accounts of caps. ``known``: there are caps, whether charged or not."""
    if as_json:
        click.echo(shown.as_json(rows))
    elif not known and not rows:
        click.echo("no caps are configured; a [[cap]] in leash.toml makes one")
    else:
        print_table(COLUMNS, [_row(one, zone) for one in rows])


def capped(ledger: Ledger, settings: Settings, at: Instant, *, every: bool) -> list[shown.Shown]:
    """Return the accounts of the caps of settings and virtual keys, as ``--json`` prints them."""
    known = (*settings.caps, *key_caps(ledger.database))
    raises = [entry for _, entry in ledger.entries("") if isinstance(entry, CapRaised)]
    return [
        _shown(one, raises)
        for one in accounts(ledger, known, at, settings.timezone)
        if every or one.is_current
    ]


def accounts(ledger: Ledger, configured: Iterable[Cap], at: Instant, tz: tzinfo) -> Iterator[Held]:
    """Yield the accounts of the caps that are configured, in key order."""
    known = tuple(configured)
    for key, balance in ledger.cap_balances():
        for account in accounts_at(known, key):
            today = window_at(account.window.kind, at, tz)
            is_current = today.key == account.window.key
            yield Held(
                account=account,
                balance=balance,
                window=today if is_current else account.window,
                is_current=is_current,
            )


def limits_of(ceiling: Ceiling) -> str:
    """Write what a ceiling allows: ``$20.00, 500 calls``."""
    parts = [
        ceiling.max_cost and show_usd(ceiling.max_cost),
        ceiling.max_calls and f"{ceiling.max_calls} calls",
        ceiling.max_tokens and f"{ceiling.max_tokens} tokens",
    ]
    return ", ".join(part for part in parts if part) or "lifted"


def _row(one: shown.Shown, zone: ZoneInfo) -> list[str]:
    counts = one["tokens"] if isinstance(one["tokens"], dict) else {}
    spent, held = (one[name] for name in ("spent_pico", "held_pico"))
    resets = shown.instant_of(one["resets_at"])
    return [
        str(one["scope"]),
        str(one["window"]),
        show_usd(Pico(spent)) if isinstance(spent, int) else "",
        show_usd(Pico(held)) if isinstance(held, int) and held else "",
        str(one["calls"]),
        str(counts.get("input", 0) + counts.get("output", 0)),
        str(one["allows"]),
        str(one["action"]),
        shown.local_time(resets, zone) or ("never" if one["current"] else ""),
    ]


def _shown(one: Held, raises: Iterable[CapRaised]) -> shown.Shown:
    account, balance = one.account, one.balance
    ceiling = account.ceiling(balance)
    return {
        "account": account.key,
        "scope": account.label,
        "window": account.window.key,
        "current": one.is_current,
        "resets_at": time_of(one.window.end),
        "action": str(account.cap.action),
        "calls": balance.calls,
        "open_calls": balance.open_calls,
        "tokens": shown.tokens(balance.tokens),
        **shown.money("spent", account.spent(balance)),
        **shown.money("held", account.held(balance)),
        "limits": _limits(ceiling),
        "allows": limits_of(ceiling),
        "warned": list(balance.warned),
        "raises": [
            {"at": time_of(entry.at), "by": entry.by, "limits": _limits(entry.ceiling)}
            for entry in raises
            if entry.account == account.key
        ],
    }


def _limits(ceiling: Ceiling) -> shown.Shown:
    found = {
        "max_cost": ceiling.max_cost and dollars(ceiling.max_cost),
        "max_calls": ceiling.max_calls,
        "max_tokens": ceiling.max_tokens,
    }
    return {name: value for name, value in found.items() if value}
