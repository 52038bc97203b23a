"""What a shared proxy tells whoever reads its log: what it holds, and what its limits have said."""

import logging

from leash_addon.cli.lines import DOT, count
from leash_addon.cli.shown import fired
from leash_addon.config.settings import Settings
from leash_addon.core.journal import Entry, RunStopped, Screened, Warned

_log = logging.getLogger("leash")


def terms_line(settings: Settings) -> str:
    """Count the caps and rate limits that hold beside the runs' own, and say what is screened."""
    found = ((len(settings.caps), "cap"), (len(settings.rates), "rate limit"))
    limits = "".join(DOT + count(number, name) for number, name in found if number)
    return limits + screening_part(settings)


def screening_part(settings: Settings) -> str:
    """Say how strictly texts are screened; empty when they are not."""
    return f"{DOT}screening {settings.screening.level}" if settings.screening.on else ""


def log_notice(entry: Entry) -> None:
    """Log a warning or alert of a limit, a finding, a run's stop. Refusals have their answers."""
    match entry:
        case Screened(run=run):
            _log.warning("run %s: screening: %s", run, fired(entry))
        case Warned(run=run, message=message):
            _log.warning("run %s: %s", run, message)
        case RunStopped(run=run, reason=reason, message=message):
            _log.warning("run %s is stopped (%s): %s", run, reason, message)
        case _:
            pass
