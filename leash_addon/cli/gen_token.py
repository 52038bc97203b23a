"""``leash gen-token``: a new token for ``leash serve``."""

import secrets
import sys

import click

from leash_addon.cli import shown
from leash_addon.cli.options import json_option
from leash_addon.config.tokens import SHORTEST, shown_hash
from leash_addon.errors import UsageError

PREFIX = "leash_"
BYTES = 32
"""Randomness of a token."""

EXAMPLES = """\b
Examples:
  export LEASH_AUTH_TOKEN=$(leash gen-token)
  leash gen-token --hash
  echo "$LEASH_AUTH_TOKEN" | leash gen-token --stdin
"""


@click.command(name="gen-token", epilog=EXAMPLES)
@click.option("--hash", "with_hash", is_flag=True, help="Print its hash, for [[token]], below it.")
@click.option("--stdin", is_flag=True, help="Print the hash of the token on standard input.")
@json_option
def gen_token(*, with_hash: bool, stdin: bool, as_json: bool) -> None:
    """Make a token for leash serve. It is shown once and kept nowhere.

    The token goes to whoever may use the proxy; its hash into a [[token]] table of leash.toml.
    """
    if stdin:
        token = sys.stdin.readline().strip()
        if len(token) < SHORTEST:
            msg = f"standard input: no token there: at least {SHORTEST} letters on one line"
            raise UsageError(msg)
    else:
        token = PREFIX + secrets.token_urlsafe(BYTES)
    if as_json:
        found = {"hash": shown_hash(token)} | ({} if stdin else {"token": token})
        click.echo(shown.as_json(found))
        return
    if not stdin:
        click.echo(token)
    if stdin or with_hash:
        click.echo(shown_hash(token))
