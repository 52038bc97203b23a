"""``leash raise``: change the limits of a run, or of a cap's account, on the record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

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
from leash_addon.config.settings import LIMIT_KEYS, Key
from leash_addon.core.balance import Balance
from leash_addon.core.limits import Limits
from leash_addon.core.money import Instant
from leash_addon.core.verdict import Reason
from leash_addon.errors import UsageError
from leash_addon.ledger import Ledger, raise_hint
from leash_addon.proxy.account import Account

RAISABLE = tuple(key for key in LIMIT_KEYS if key.name not in {"count_imputed", "warn_at"})

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


def raised(ledger: Ledger, run: str, given: dict[str, str], at: Instant, by: str) -> Balance:
    """Raise limits of a run on the record; raises ``UsageError`` for what cannot be."""
    wrong = sorted(given.keys() - {key.name for key in RAISABLE})
    if wrong or not given:
        names = ", ".join(key.name for key in RAISABLE)
        msg = f"raise: {', '.join(wrong) or 'nothing given'}; a run has {names}"
        raise UsageError(msg)
    before = ledger.balance(run)
    if before.stopped is Reason.KILL:
        msg = f"run {run} was killed and stays so; start another, for example leash --run {run}-2"
        raise UsageError(msg)
    return ledger.raise_limits(run, changed(before.limits, given), at, by=by)


def changed(limits: Limits, given: dict[str, str]) -> Limits:
    """Return the limits with those given replaced, or raised where they begin with ``+``."""
    keys = {key.name: key for key in RAISABLE}
    fresh = {name: _value(keys[name], text, getattr(limits, name)) for name, text in given.items()}
    return replace(limits, **fresh)


def _value(key: Key, text: str, old: Any) -> object:  # noqa: ANN401 - a limit's own type
    try:
        value: Any = key.read(text.removeprefix("+"))
    except ValueError as error:
        msg = f"{key.flag}: {error}"
        raise UsageError(msg) from None
    if not text.startswith("+"):
        return value
    if key.name == "rate":
        msg = f"{key.flag}: a rate is named whole, for example 200000/1m"
        raise UsageError(msg)
    if not old:
        msg = f"{key.flag}: the run has no such limit; name one without +"
        raise UsageError(msg)
    return old + value


def _shown(account: Account) -> str:
    limits = account.limits()
    parts = [
        f"{name} {bytes(value).decode() if hasattr(value, '__buffer__') else value}"
        for name, value in limits.items()
    ]
    return ", ".join(parts) or "none"
