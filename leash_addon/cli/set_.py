"""``leash set KEY VALUE``: change the configuration without touching the user's own file."""

from pathlib import Path

import click

from leash_addon.cli.say import say
from leash_addon.config.load import find
from leash_addon.config.local import change
from leash_addon.errors import UsageError

EXAMPLES = """\b
Examples:
  leash set limits.max_cost 5
  leash set limits.max_cost --unset
"""


@click.command("set", epilog=EXAMPLES)
@click.argument("key")
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Forget what leash set before.")
@click.option("--config", metavar="FILE", envvar="LEASH_CONFIG", help="The configuration file.")
def set_(key: str, value: str | None, *, unset: bool, config: str | None) -> None:
    """Set KEY in leash.local.toml, which is layered over leash.toml.

    leash.toml itself is yours and never rewritten.
    """
    if unset == (value is not None):
        msg = f"give a value or --unset, as in: leash set {key} 5"
        raise UsageError(msg)
    path = find(Path(config) if config else None, Path.cwd(), Path.home())
    written = change(path, key, value)
    say(f"{written}: {key} {'unset' if unset else f'= {value}'}")
