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

MISSING = (
    "rules cannot be compiled here: the package hyperscan (Vectorscan) is not installed, or has no "
    "wheel for this machine, or is a version that misses matches; screening goes on without, slower"
)
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
    engine = chosen_engine(config, packs, sensitivity)
    if not engine.rules:
        msg = "there is nothing to compile: no rule is in use"
        raise UsageError(msg)
    wanted = engine.expressions()
    if not wanted:
        raise UsageError(MISSING)
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
