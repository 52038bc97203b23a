"""Several processes on one port: a supervisor that starts, watches and ends workers.

Each worker listens with SO_REUSEPORT, so the kernel spreads connections over them, and all account
in one ledger. The supervisor holds the port (bound, not listening) and does nothing else: a worker
that dies is started again, a signal to end goes to all, and workers end by themselves when the
supervisor is gone. A worker is a fork: it inherits everything that was loaded.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from leash_addon.cli.say import say
from leash_addon.errors import LeashError, ListenError

DRAIN = signal.SIGUSR1
"""Tells the process beside the workers that they are about to end."""

WATCHED = frozenset({signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGHUP})
GRACE = 20
"""Seconds that workers get to settle their calls before they are killed."""

FAILED = 125
"""Exit code when leash itself failed."""

QUICK = 2.0
"""A worker that dies sooner than this, in seconds, has not come up properly."""

TOO_OFTEN = 5
"""So many quick deaths in a row are no accident: the supervisor gives up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """What a worker has of its supervisor, as file descriptors.

    ``alive`` can be read from only once the supervisor is gone. A byte written to ``ready`` says
    that the worker listens. ``succeeds``: it takes the place of one that died.
    """

    alive: int
    ready: int
    succeeds: bool = False


type Work = Callable[[Ends], int]
"""What a worker does; its result is the exit code."""


class Supervisor:
    """Runs workers until it is told to end. ``run`` blocks, and returns an exit code.

    ``aside``: one process more, which ends last. ``grace``: seconds that all get to end.
    """

    def __init__(
        self, works: Sequence[Work], *, aside: Work | None = None, grace: float = GRACE
    ) -> None:
        """Prepare; nothing is started."""
        self._works: list[Work] = [*works, *([aside] if aside else [])]
        self._aside, self._grace = aside, grace
        self._started: dict[int, float] = {}
        self._doing: dict[int, Work] = {}
        self._ending = False
        self._quick = 0
        self._alive, self._alive_end = os.pipe()

    def run(self, announce: Callable[[], None]) -> int:
        """Start the workers, ``announce`` once all listen, and watch over them."""
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        for work in self._works:
            code = self._start(work)
            if code is not None:
                self._end()
                self._wait_for_all()
                return code
        announce()
        while self._started:
            found = signal.sigwait(WATCHED)
            if found == signal.SIGCHLD:
                self._reap()
            elif found == signal.SIGALRM:
                self._signal(signal.SIGKILL)
            elif found == signal.SIGHUP:
                self._signal(signal.SIGHUP)
            else:
                self._end()
        return 0 if self._ending else FAILED

    def _start(self, work: Work, *, succeeds: bool = False) -> int | None:
        """Fork a worker and wait until it listens; return its exit code when it ended instead."""
        ready, ready_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(ready)
            self._become_worker(work, Ends(alive=self._alive, ready=ready_end, succeeds=succeeds))
        os.close(ready_end)
        is_up = os.read(ready, 1) == b"1"
        os.close(ready)
        if is_up:
            self._started[pid], self._doing[pid] = time.monotonic(), work
            return None
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status) or FAILED

    def _become_worker(self, work: Work, ends: Ends) -> None:
        """Work, in the child, and never return."""
        code = FAILED
        try:
            os.close(self._alive_end)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
            code = work(ends)
        except LeashError as error:
            say(str(error))
        except BaseException as error:  # noqa: BLE001 - a worker says why, and never a traceback
            say(f"internal error of a worker: {type(error).__name__}: {error}")
        finally:
            os._exit(code)

    def _reap(self) -> None:
        """Take leave of the workers that have died, and start others in their place."""
        for pid in list(self._started):
            found, status = os.waitpid(pid, os.WNOHANG)
            if not found:
                continue
            lived, work = time.monotonic() - self._started.pop(pid), self._doing.pop(pid)
            if not self._ending:
                self._replace(pid, work, os.waitstatus_to_exitcode(status), lived)
        if self._ending and all(work is self._aside for work in self._doing.values()):
            self._signal(signal.SIGTERM)

    def _replace(self, pid: int, work: Work, code: int, lived: float) -> None:
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        self._quick = self._quick + 1 if lived < QUICK else 0
        if self._quick < TOO_OFTEN:
            say(f"worker {pid} died ({how}); another is started, and its open calls are swept")
            if self._start(work, succeeds=True) is None:
                return
        say(f"workers cannot be kept up (the last one: {how}); giving up")
        self._signal(signal.SIGTERM)
        signal.alarm(GRACE)

    def _end(self) -> None:
        if not self._ending:
            self._ending = True
            for pid, work in self._doing.items():
                os.kill(pid, DRAIN if work is self._aside else signal.SIGTERM)
            signal.setitimer(signal.ITIMER_REAL, self._grace)
        else:  # told again: at once
            self._signal(signal.SIGTERM)

    def _signal(self, which: signal.Signals) -> None:
        for pid in self._started:
            os.kill(pid, which)

    def _wait_for_all(self) -> None:
        for pid in self._started:
            os.waitpid(pid, 0)


def reserve(host: str, port: int) -> socket.socket:
    """Bind a port that others may listen on, without listening; 0 takes a free one.

    Raises ``ListenError`` when somebody listens there, also one who would share it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind((host, port))
            port = alone.getsockname()[1]
        held = socket.socket(family)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind((host, port))
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        msg = f"cannot listen on {host}:{port}: {why}; choose another address or port with --listen"
        raise ListenError(msg) from None
    return held
