"""``leash keys``: virtual keys, so that agents work with ``lsh_...`` and never see the real one."""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

import click
from msgspec.structs import replace

from leash_addon.cli import shown
from leash_addon.cli.key_terms import Terms, changed, limits_of, terms_options, until
from leash_addon.cli.options import (
    json_option,
    ledger_options,
    now,
    open_existing,
    read_settings,
    who,
)
from leash_addon.cli.say import say
from leash_addon.cli.tables import print_table
from leash_addon.config.packs import load_providers
from leash_addon.config.settings import Settings
from leash_addon.core.virtual_keys import NAME, PREFIX, VirtualKey
from leash_addon.errors import UsageError
from leash_addon.ledger import StoredKey, open_ledger
from leash_addon.ledger.virtual_keys import add_key, all_keys, change_key, hash_of, named_key
from leash_addon.proxy.master_key import master_key
from leash_addon.proxy.sigv4 import SERVICE, read_pair
from leash_addon.proxy.vault import seal

LONGEST = 4096
AWS = ("AKIA", "ASIA")
EXAMPLES = """\b
Examples:
  leash keys add openai --name team-a --max-cost 20 --per month
  leash keys add gemini --name search --model 'gemini-*-flash*' --expires 30d < key.txt
  leash keys list
  leash keys revoke team-a
"""
COLUMNS = tuple(
    (name, False) for name in ("NAME", "ID", "STATE", "PROVIDERS", "MODELS", "LIMITS", "EXPIRES")
)


@click.group(epilog=EXAMPLES)
def keys() -> None:
    """Give agents virtual keys in place of the providers' own.

    The provider's key is stored encrypted in the ledger; leash puts it in place of the lsh_ key in
    flight. The name of a virtual key is its account: a [[cap]] or [[rate]] may match it.
    """


@keys.command(epilog=EXAMPLES)
@click.argument("providers", nargs=-1, required=True, metavar="PROVIDER...")
@click.option("--name", required=True, help="What the key, and its account, is called.")
@terms_options
@json_option
@ledger_options
def add(
    *,
    providers: tuple[str, ...],
    name: str,
    as_json: bool,
    config: Path | None,
    db: str | None,
    **given: object,
) -> None:
    """Store a provider's key and print the virtual key that stands for it, once.

    The provider's key is asked for, or read from standard input; it is never an argument. It is
    sent to the hosts of PROVIDER (as `leash keys add` knows them from the provider pack), and to
    no others. For bedrock it may be ACCESS_KEY_ID:SECRET_ACCESS_KEY: requests are signed with it.
    """
    settings = read_settings(config, db=db)
    _check(settings, providers, name)
    token, ident = _new_token(), secrets.token_hex(4)
    key = VirtualKey(
        id=ident,
        name=name,
        providers=tuple(dict.fromkeys(providers)),
        created_at=now(),
        by=who(),
        ends=token[-4:],
    )
    key = changed(key, Terms.of(given), now())
    secret = _read_secret(key.providers)
    sealed = seal(_master(settings, make=True), ident, key.providers, secret)
    with open_ledger(settings.db) as ledger:
        add_key(ledger.database, StoredKey(key=key, hash=hash_of(token), sealed=sealed))
    _give(token, key, as_json=as_json)


@keys.command("list", epilog=EXAMPLES)
@json_option
@ledger_options
def list_(*, as_json: bool, config: Path | None, db: str | None) -> None:
    """List the virtual keys: what they are for, and whether they are still good."""
    with open_existing(config, db) as ledger:
        found = [stored.key for stored in all_keys(ledger.database)]
    if as_json:
        click.echo(shown.as_json([_shown(key) for key in found]))
        return
    if not found:
        click.echo("no virtual keys; `leash keys add PROVIDER --name NAME` makes one")
        return
    print_table(COLUMNS, [_row(key) for key in found])


@keys.command(epilog=EXAMPLES)
@click.argument("name")
@ledger_options
def revoke(*, name: str, config: Path | None, db: str | None) -> None:
    """End a virtual key, by name or id: it is refused from the next call on, for good."""
    at = now()

    def change(stored: StoredKey) -> StoredKey:
        ended = stored.key.revoked_at or at
        return replace(stored, key=replace(stored.key, revoked_at=ended), sealed="")

    with open_existing(config, db) as ledger:
        change_key(ledger.database, name, change)
    say(f"revoked {name}; the provider's key was deleted from the ledger")


@keys.command(epilog=EXAMPLES)
@click.argument("name")
@click.option("--provider-key", is_flag=True, help="Replace the provider's key; lsh_ stays.")
@json_option
@ledger_options
def rotate(
    *, name: str, provider_key: bool, as_json: bool, config: Path | None, db: str | None
) -> None:
    """Replace the lsh_ key of NAME (the old one ends at once), or the provider's key behind it.

    With --provider-key the new one is asked for, or read from standard input.
    """
    settings = read_settings(config, db=db)
    with open_existing(config, db) as ledger:
        known = named_key(ledger.database, name).key
        _must_live(known)
        if provider_key:
            secret = _read_secret(known.providers)
            sealed = seal(_master(settings), known.id, known.providers, secret)
            change_key(ledger.database, name, lambda old: replace(old, sealed=sealed))
            say(f"{known.name} stands for the new provider's key from the next call on")
            return
        token = _new_token()
        changed_key = change_key(
            ledger.database,
            name,
            lambda old: replace(old, hash=hash_of(token), key=replace(old.key, ends=token[-4:])),
        )
    _give(token, changed_key.key, as_json=as_json)


@keys.command(epilog=EXAMPLES)
@click.argument("name")
@terms_options
@json_option
@ledger_options
def limits(
    *, name: str, as_json: bool, config: Path | None, db: str | None, **given: object
) -> None:
    """Show what NAME allows, or change it; it holds from the next call on."""
    terms, at = Terms.of(given), now()
    with open_existing(config, db) as ledger:
        if terms.are_given:
            stored = change_key(
                ledger.database, name, lambda old: replace(old, key=changed(old.key, terms, at))
            )
        else:
            stored = named_key(ledger.database, name)
    if as_json:
        click.echo(shown.as_json(_shown(stored.key)))
    else:
        print_table(COLUMNS, [_row(stored.key)])


def _check(settings: Settings, providers: tuple[str, ...], name: str) -> None:
    where = settings.files[-1].name if settings.files else "leash.toml"
    known = load_providers(settings.providers, where=where)
    for each in providers:
        if known.find(each) is None:
            names = ", ".join(rule.name for rule in known.rules[:8])
            msg = f"no provider {each!r}; the provider pack knows {names}, ..."
            raise UsageError(msg)
    if NAME.fullmatch(name) is None:
        msg = f"--name: {name!r}: write 1 to 64 lower-case letters, digits or . _ -"
        raise UsageError(msg)


def _read_secret(providers: tuple[str, ...]) -> str:
    """Ask for the provider's key without showing it, or read it from a pipe."""
    if sys.stdin.isatty():
        text = str(click.prompt(f"Key of {', '.join(providers)}", hide_input=True, err=True))
    else:
        text = sys.stdin.read(LONGEST + 1)
    secret = text.strip()
    if not 8 <= len(secret) <= LONGEST or not secret.isascii() or not secret.isprintable():  # noqa: PLR2004
        msg = "standard input: a provider's key has 8 to 4096 visible characters, on one line"
        raise UsageError(msg)
    if " " in secret or secret.startswith(PREFIX):
        msg = "standard input: that is no provider's key; give the bare key, without Bearer"
        raise UsageError(msg)
    if secret.startswith(AWS) and (read_pair(secret) is None or set(providers) != {SERVICE}):
        msg = (
            "standard input: an AWS key is ACCESS_KEY_ID:SECRET_ACCESS_KEY, for bedrock alone; "
            "or give a Bedrock API key, a bearer token"
        )
        raise UsageError(msg)
    return secret


def _master(settings: Settings, *, make: bool = False) -> bytes:
    return master_key(os.environ, settings.home, make=make)


def _new_token() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _must_live(key: VirtualKey) -> None:
    if key.revoked_at is not None:
        msg = f"the virtual key {key.name} was revoked, for good; add another"
        raise UsageError(msg)


def _give(token: str, key: VirtualKey, *, as_json: bool) -> None:
    if as_json:
        click.echo(shown.as_json({"key": token, **_shown(key)}))
        return
    click.echo(token)
    say(f"this is the virtual key {key.name}; it is not shown again")


def _row(key: VirtualKey) -> list[str]:
    return [
        key.name,
        key.id,
        key.state(now()),
        ", ".join(key.providers),
        ", ".join(key.models) or "every",
        limits_of(key),
        until(key),
    ]


def _shown(key: VirtualKey) -> Mapping[str, object]:
    return {
        "name": key.name,
        "id": key.id,
        "state": key.state(now()),
        "providers": list(key.providers),
        "models": list(key.models),
        "limits": limits_of(key),
        "expires": until(key),
        "by": key.by,
        "ends": key.ends,
    }
