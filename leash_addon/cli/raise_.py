"""``leash raise``: change the limits of a run, or of a cap's account, on the record."""

from collections.abc import Callable
from pathlib import Path

import click

from leash_addon.cli.options import (
    Command,
    ledger_options,
    now,
    open_existing,
    read_settings,
    who,
)
from leash_addon.cli.raise_cap import raise_cap
from leash_addon.cli.remote import current
from leash_addon.cli.say import say
from leash_addon.errors import UsageError
from leash_addon.ledger import raise_hint
from leash_addon.proxy.account import Account
from leash_addon.proxy.raising import RAISABLE, raised

EXAMPLES = """\b
Examples:
  leash raise a3f9c2e1 --max-cost +5       # five dollars more than now
  leash raise a3f9c2e1 --max-calls 200     # 200 calls in all
  leash raise a3f9c2e1 --deadline +30m --stall 0
  leash raise --cap user=alice --max-cost +5       # for this window; 0 lifts it
"""


def _limit_options(command: Command) -> Command:
    for key in reversed(RAISABLE):
        option: Callable[[Command], Command] = click.option(
            key.flag, key.name, metavar=f"[+]{key.example}", help=f"{key.about}; + adds, 0 is off"
        )
        command = option(command)
    return command


@click.command("raise", epilog=EXAMPLES)
@click.argument("run", required=False)
@click.option("--cap", metavar="ACCOUNT", help="Raise a cap's account, as `leash caps` names it.")
@_limit_options
@click.option("--max-tokens", metavar="[+]100000", help="of a cap; + adds, 0 is off")
@ledger_options
def raise_(
    *,
    run: str | None,
    cap: str | None,
    config: Path | None,
    db: str | None,
    **changes: str | None,
) -> None:
    """Change limits of RUN, also while it is live. A run that this limit stopped goes on.

    With --cap, raise a cap for one account and its present window instead; it is never lowered.
    """
    given = {name: text for name, text in changes.items() if text is not None}
    if (run is None) == (cap is None):
        msg = "raise: name a run, or an account with --cap (see `leash raise --help`)"
        raise UsageError(msg)
    remote = current()
    if run is None and remote is not None:
        for line in remote.raise_cap(cap or "", given, who()):
            say(line)
        return
    if run is None:
        with open_existing(config, db) as ledger:
            for line in raise_cap(ledger, read_settings(config, db=db), cap or "", given, by=who()):
                say(line)
        return
    _raise_run(run, given, config, db)


def _raise_run(run: str, given: dict[str, str], config: Path | None, db: str | None) -> None:
    if "max_tokens" in given:
        msg = "--max-tokens: is a limit of caps; a run has --rate"
        raise UsageError(msg)
    if not given:
        msg = "raise: name a limit, for example --max-cost +5 (see `leash raise --help`)"
        raise UsageError(msg)
    at = now()
    remote = current()
    if remote is not None:
        after = remote.raise_run(run, given, who())
    else:
        with open_existing(config, db) as ledger:
            after = raised(ledger, run, given, at, who())
    account = Account(balance=after, now=at)
    click.echo(
        f"leash: run {run} stands at {account.sentence}; limits: {_shown(account)}", err=True
    )
    if after.stopped is not None:
        hint = raise_hint(run, after.stopped)
        mend = f"; `{hint}`" if hint else ""
        click.echo(f"leash: run {run} is still stopped ({after.stopped}){mend}", err=True)


def _shown(account: Account) -> str:
    limits = account.limits()
    parts = [
        f"{name} {bytes(value).decode() if hasattr(value, '__buffer__') else value}"
        for name, value in limits.items()
    ]
    return ", ".join(parts) or "none"
