"""Which packs and which engine a command works with: as settings say, unless flags say else."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from leash_addon.cli.options import config_option, read_settings
from leash_addon.config.automata import Automata
from leash_addon.config.rules import load_packs
from leash_addon.config.screening import Level, ScreeningSettings
from leash_addon.screen.engine import Engine
from leash_addon.screen.rule import Pack
from leash_addon.screen.sensitivity import Sensitivity

type Command = Callable[..., Any]


def pack_options(command: Command) -> Command:
    """Give a command ``--pack`` and ``--config``."""
    option = click.option(
        "--pack",
        "packs",
        multiple=True,
        metavar="NAME|FILE",
        help="Use this pack in place of those in the configuration; may be given again.",
    )
    return option(config_option(command))


sensitivity_option = click.option(
    "--sensitivity",
    type=click.Choice([each.value for each in Sensitivity]),
    help="Which severities fire; default: as the configuration says, else medium.",
)


def chosen_packs(config: Path | None, packs: Sequence[str]) -> tuple[Pack, ...]:
    """Read the packs that were named, or those of the configuration. Raises ``UsageError``."""
    if packs:
        return load_packs(packs, Path.cwd())
    settings = read_settings(config).screening
    return load_packs(settings.packs, settings.base)


def chosen_engine(config: Path | None, packs: Sequence[str], sensitivity: str | None) -> Engine:
    """Build the engine that screening would use. Raises ``UsageError``."""
    settings = read_settings(config)
    screening = settings.screening
    return Engine(
        chosen_packs(config, packs),
        sensitivity=Sensitivity(sensitivity) if sensitivity else usual_sensitivity(screening),
        disabled=screening.disabled,
        kept=Automata(settings.home).kept,
    )


def usual_sensitivity(settings: ScreeningSettings) -> Sensitivity:
    """Return what holds where no flag says otherwise."""
    off = settings.level is Level.OFF
    return Sensitivity.MEDIUM if off else Sensitivity(settings.level)
