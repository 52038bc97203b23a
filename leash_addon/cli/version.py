"""``leash version``: what is running."""

import platform
import sqlite3
from importlib.metadata import version as version_of

import click

from leash_addon import __version__
from leash_addon.cli import shown
from leash_addon.cli.options import json_option

EXAMPLES = """\b
Examples:
  leash version --json
"""


@click.command(epilog=EXAMPLES)
@json_option
def version(*, as_json: bool) -> None:
    """Print the versions of leash, Python, mitmproxy, genai-prices and SQLite."""
    found = {
        "leash": __version__,
        "python": platform.python_version(),
        "mitmproxy": version_of("mitmproxy"),
        "genai_prices": version_of("genai-prices"),
        "sqlite": sqlite3.sqlite_version,
    }
    if as_json:
        click.echo(shown.as_json(found))
        return
    rest = ", ".join(f"{name} {number}" for name, number in found.items() if name != "leash")
    click.echo(f"leash {__version__} ({rest})")
