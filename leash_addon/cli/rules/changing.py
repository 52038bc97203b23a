"""``leash rules disable ID`` and ``leash rules allow HASH``: kept in leash.local.toml."""

import os
from pathlib import Path

import click

from leash_addon.cli.options import config_option
from leash_addon.cli.rules.show import rule_of
from leash_addon.cli.rules.sources import chosen_packs
from leash_addon.cli.say import say
from leash_addon.config.load import find
from leash_addon.config.local import list_entry

DISABLE_EXAMPLES = """\b
Examples:
  leash rules disable override.ignore.previous
  leash rules disable override.ignore.previous --undo
"""
ALLOW_EXAMPLES = """\b
Examples:
  leash rules allow 0c4e0d9e5b1f2a3c4d5e6f708192a3b4
  leash rules allow 0c4e0d9e5b1f2a3c4d5e6f708192a3b4 --undo
"""

undo_option = click.option("--undo", is_flag=True, help="Take it back.")


@click.command("disable", epilog=DISABLE_EXAMPLES)
@click.argument("rule_id", metavar="ID")
@undo_option
@config_option
def disable_(*, rule_id: str, undo: bool, config: Path | None) -> None:
    """Let a rule fire no more. leash.toml itself is yours and never rewritten."""
    if not undo:
        rule_of(chosen_packs(config, ()), rule_id)
    _change(config, "disable", rule_id, undo=undo)


@click.command("allow", epilog=ALLOW_EXAMPLES)
@click.argument("text_hash", metavar="HASH")
@undo_option
@config_option
def allow_(*, text_hash: str, undo: bool, config: Path | None) -> None:
    """Let one text pass, whatever fires in it; HASH as `leash findings` shows it."""
    _change(config, "allow", text_hash.lower(), undo=undo)


def _change(config: Path | None, key: str, entry: str, *, undo: bool) -> None:
    named = config or (Path(os.environ["LEASH_CONFIG"]) if os.environ.get("LEASH_CONFIG") else None)
    path = find(named, Path.cwd(), Path.home())
    written = list_entry(path, f"screening.{key}", entry, there=not undo)
    done = "no longer in" if undo else "now in"
    say(f"{written}: {entry} is {done} screening.{key}")
