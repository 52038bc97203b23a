"""Builds automata of rules and keeps them. Run as a process of its own beside a proxy.

Its argument is leash's own folder; its order comes on standard input, one line of JSON: the
expressions to build. The process makes room for everything else on
the machine, ends when its standard input does (so with the proxy that started it), and leaves the
work to another one that is already at it.
"""

import contextlib
import fcntl
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from leash_addon.config.automata import Automata
from leash_addon.screen.automaton import Built, Expressions, built

LAST: Final = 19
"""The lowest priority there is."""
FIRST_TO_GO: Final = "1000"
"""Where memory runs out, this process goes, and not the proxy."""
BUSY: Final = os.EX_TEMPFAIL
"""What it ends with where another one is at work."""

type Told = Callable[[Expressions, Built], None]


def compile_missing(
    automata: Automata, wanted: Iterable[Expressions], told: Told = lambda *_: None
) -> None:
    """Build and keep what is not there yet. ``told`` hears of each. Raises ``OSError``."""
    for each in wanted:
        if automata.lacks(each):
            found = built(each.patterns)
            automata.keep(each, found)
            told(each, found)


def order(wanted: Iterable[Expressions]) -> bytes:
    """Write what such a process is to build."""
    return msgspec.json.encode(tuple(wanted)) + b"\n"


def main() -> None:
    """Do what the order on standard input says."""
    automata = Automata(Path(sys.argv[1]))
    wanted = msgspec.json.decode(sys.stdin.buffer.readline(), type=tuple[Expressions, ...])
    os.nice(LAST)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)
    threading.Thread(target=_end_with_input, daemon=True).start()
    with _alone(automata.folder) as alone:
        if not alone:
            sys.exit(BUSY)
        compile_missing(automata, wanted)


def _end_with_input() -> None:
    """Read past Python's own buffer, whose lock an ending interpreter could not take."""
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(0)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Yield whether nobody else builds into a folder."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(folder / ".lock", flags, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
