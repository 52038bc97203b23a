"""``leash addon``: where stock mitmproxy finds leash."""

import click

from leash_addon import proxy

EXAMPLES = """\b
Examples:
  mitmdump -s "$(leash addon)" --set leash_max_cost=5
  mitmweb -s "$(leash addon)" --set leash_max_cost=5
"""


@click.command(epilog=EXAMPLES)
def addon() -> None:
    """Print the path of the script that loads leash into mitmdump, mitmproxy or mitmweb."""
    click.echo(f"{proxy.__path__[0]}/script.py")
