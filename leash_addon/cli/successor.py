"""A worker that takes the place of one that died begins with what the other workers go by.

The supervisor knows only what it was started with. A token that was withdrawn since, or a limit
that was lowered, must not come back with the next worker. While the configuration is broken nobody
can say what was good last, so the worker waits, and the others serve alone.
"""

import os
import select
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from leash_addon.cli.say import say
from leash_addon.cli.workers import Ends
from leash_addon.config.changes import taken_over
from leash_addon.config.settings import Settings
from leash_addon.errors import LeashError

LOOK_AGAIN = 1.0


def succeed(ends: Ends, begun: Settings, read: Callable[[], Settings]) -> tuple[Ends, Settings]:
    """Return how to begin. ``begun``: what the supervisor did with; ``read``: reads it anew.

    Providers are ``begun``'s, because only a running proxy knows what it can sign for. Who waits
    for a mend is up in the eyes of its supervisor, and ends with it.
    """
    said = ""
    while True:
        try:
            new = taken_over(begun, read())
        except LeashError as error:
            if not said:
                os.write(ends.ready, b"1")
                os.close(ends.ready)
                ends = replace(ends, ready=os.open(Path(os.devnull), os.O_WRONLY))
            if str(error) != said:
                said = str(error)
                say(f"worker {os.getpid()} waits, because an edit is broken: {said}")
            if select.select([ends.alive], [], [], LOOK_AGAIN)[0]:
                os._exit(0)
        else:
            return ends, replace(new, providers=begun.providers)
