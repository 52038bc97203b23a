"""What a shared proxy tells whoever reads its log: what it holds, and what its limits have said."""

import logging

from leash_addon.cli.lines import DOT, count
from leash_addon.config.settings import Settings
from leash_addon.core.journal import Entry, RunStopped, Warned

_log = logging.getLogger("leash")


def terms_line(settings: Settings) -> str:
    """Count the caps and rate limits that hold beside the runs' own; empty without any."""
    found = ((len(settings.caps), "cap"), (len(settings.rates), "rate limit"))
    return "".join(DOT + count(number, name) for number, name in found if number)


def log_notice(entry: Entry) -> None:
    """Log a warning or alert of a limit, and a run's stop. Refusals have their answers."""
    match entry:
        case Warned(run=run, message=message):
            _log.warning("run %s: %s", run, message)
        case RunStopped(run=run, reason=reason, message=message):
            _log.warning("run %s is stopped (%s): %s", run, reason, message)
        case _:
            pass
