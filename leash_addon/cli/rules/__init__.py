"""``leash rules``: see, prove, try and change what screening looks for."""

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

import click

MODULES: Mapping[str, str] = MappingProxyType(
    {
        "list": "listing",
        "show": "show",
        "check": "check",
        "test": "trying",
        "scan": "scan",
        "new": "new",
        "compile": "compiling",
        "disable": "changing",
        "allow": "changing",
        "known": "known",
        "stats": "stats",
    }
)
"""Module of each command; loaded when asked for."""

EXAMPLES = """\b
Examples:
  leash rules list --severity 1
  leash rules check ./my-rules.toml
  leash rules test notes.md
  zcat texts.jsonl.gz | leash rules scan --jsonl --sensitivity high
"""


class RulesCommands(click.Group):
    """The commands that work on rules."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name them in the order of the table."""
        return list(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load a command."""
        if cmd_name not in MODULES:
            return None
        found = getattr(import_module(f"{__name__}.{MODULES[cmd_name]}"), f"{cmd_name}_")
        return found if isinstance(found, click.Command) else None


@click.group(cls=RulesCommands, epilog=EXAMPLES)
def rules() -> None:
    """See, prove, try and change the rules that texts are screened by."""
