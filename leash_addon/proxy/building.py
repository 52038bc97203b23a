"""From settings to an engine."""

from leash_addon.config.automata import Automata
from leash_addon.config.rules import load_packs
from leash_addon.config.screening import Level, ScreeningSettings
from leash_addon.errors import UsageError
from leash_addon.screen.engine import Engine
from leash_addon.screen.sensitivity import Sensitivity


def build(settings: ScreeningSettings, automata: Automata) -> Engine:
    """Load the packs and compile their rules, with what is kept of them. Raises ``UsageError``."""
    packs = load_packs(settings.packs, settings.base)
    level = Sensitivity.MEDIUM if settings.level is Level.OFF else Sensitivity(settings.level)
    try:
        return Engine(packs, sensitivity=level, disabled=settings.disabled, kept=automata.kept)
    except ValueError as error:
        msg = f"screening.packs: {error}"
        raise UsageError(msg) from None
