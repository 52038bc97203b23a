"""``leash rules compile``: build ahead what makes screening fast."""

import time
from collections.abc import Sequence
from pathlib import Path

import click

from leash_addon.cli.options import read_settings
from leash_addon.cli.rules.sources import chosen_engine, pack_options, sensitivity_option
from leash_addon.cli.say import say
from leash_addon.config.automata import Automata
from leash_addon.config.compiling import compile_missing
from leash_addon.errors import LeashError, UsageError
from leash_addon.screen.automaton import Built, Expressions

EXAMPLES = """\b
Examples:
  leash rules compile
  leash rules compile --sensitivity high
"""


@click.command("compile", epilog=EXAMPLES)
@sensitivity_option
@pack_options
def compile_(*, sensitivity: str | None, packs: Sequence[str], config: Path | None) -> None:
    """Build ahead what makes screening fast, for an image or before the first call.

    A proxy that screens does so by itself, aside, once it has run for some seconds; what was
    built is kept in ~/.leash/automata until the rules change.
    """
    wanted = chosen_engine(config, packs, sensitivity).expressions()
    if not wanted:
        msg = "there is nothing to compile: no rule is in use, or there is no sound Vectorscan here"
        raise UsageError(msg)
    automata = Automata(read_settings(config).home)
    begun = time.monotonic()

    def told(each: Expressions, built: Built) -> None:
        left = f", {len(built.left)} left to RE2" if built.left else ""
        size = len(built.automaton) / 1e6
        say(f"{each.name}: {len(each.patterns)} patterns, {size:.1f} MB{left}")

    try:
        compile_missing(automata, wanted, told)
    except OSError as error:
        msg = f"{automata.folder}: cannot be written: {error.strerror or error}"
        raise LeashError(msg) from None
    say(f"all is compiled, in {automata.folder} ({time.monotonic() - begun:.1f} s)")
