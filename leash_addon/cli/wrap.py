"""Runs the wrapped command in a process group of its own, the way a shell runs a job.

Theory. Signals that reach leash are forwarded to the child's group. On a terminal the child's
group is put in the foreground at once, so Ctrl-C, Ctrl-Z and resizing reach it directly; in a
pipeline (``leash -- agent | less``) the foreground stays with the pipeline's own group until the
child asks for the terminal (SIGTTIN, SIGTTOU). When the child stops, leash takes the foreground
back and stops too, so that the shell sees a stopped job; SIGCONT undoes both.

The event loop is never blocked: a thread waits for the child, the proxy runs meanwhile.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from leash_addon.cli.terminal import Foreground, stop_ourselves

FORWARDED = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
    signal.SIGTSTP,
)
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
WANTS_TERMINAL = frozenset({signal.SIGTTIN, signal.SIGTTOU})
NOT_FOUND, CANNOT_RUN, SIGNALLED = 127, 126, 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the command ended: an exit code as shells give it, and why it never started, if so."""

    code: int
    problem: str | None = None


async def wrap(command: Sequence[str], env: Mapping[str, str], foreground: Foreground) -> Ended:
    """Run ``command`` to its end. Exit codes: its own, 128+n for a signal, 126 and 127."""
    job = Job(foreground)
    with _forwarding(job):  # before the child exists: a Ctrl-C that comes early is not lost
        try:
            job.begin(command, env)
        except FileNotFoundError:
            return Ended(code=NOT_FOUND, problem=f"{command[0]}: command not found")
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            return Ended(code=CANNOT_RUN, problem=f"{command[0]}: cannot be run: {why}")
        status = await job.end()
    if os.WIFSIGNALED(status):
        foreground.restore()
        return Ended(code=SIGNALLED + os.WTERMSIG(status))
    return Ended(code=os.WEXITSTATUS(status))


class Job:
    """The child's process group, named by its first process, and the terminal it shares."""

    def __init__(self, foreground: Foreground) -> None:
        """Know the terminal; the child comes with ``begin``."""
        self._group = 0
        self._stopped = False
        self._foreground = foreground

    def begin(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Start the child; hand the terminal over, if leash has it for itself.

        Raises ``OSError`` when the command cannot be run, ``ValueError`` for a NUL byte in it.
        """
        words = list(command)
        self._group = os.posix_spawnp(
            words[0], words, env, setpgroup=0, setsigdef=IGNORED_BY_PYTHON
        )
        if self._ours() and self._foreground.interactive:
            self._foreground.give(self._group)

    async def end(self) -> int:
        """Wait for the child to end; return its wait status. Stops on the way are followed."""
        while True:
            _, status = await asyncio.to_thread(os.waitpid, self._group, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                self._take_back()
                return status
            self._follow(signal.Signals(os.WSTOPSIG(status)))

    def send(self, which: signal.Signals) -> None:
        """Send a signal to every process of the child's group."""
        if not self._group:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._group, which)

    def resume(self) -> None:
        """Go on after a stop, in the foreground where the shell has put leash there."""
        has_come_to_us = self._ours() and self._foreground.interactive
        if has_come_to_us:
            self._foreground.give(self._group)
        if has_come_to_us or self._stopped:
            self._stopped = False
            self.send(signal.SIGCONT)

    def _follow(self, which: signal.Signals) -> None:
        self._stopped = True
        if self._foreground.owner() is None:
            return
        if which in WANTS_TERMINAL and (self._ours() or self._has_it()):
            # Also when it asked a moment before it was given the foreground.
            self._stopped = False
            self._foreground.give(self._group)
            self.send(signal.SIGCONT)
            return
        self._take_back()
        stop_ourselves()
        self.resume()

    def _ours(self) -> bool:
        return self._foreground.owner() == os.getpgrp()

    def _has_it(self) -> bool:
        return self._foreground.owner() == self._group

    def _take_back(self) -> None:
        if self._has_it():
            self._foreground.give(os.getpgrp())


@contextlib.contextmanager
def _forwarding(job: Job) -> Iterator[None]:
    """Forward signals while inside; one that was ignored on entry (nohup) stays ignored."""
    loop = asyncio.get_running_loop()
    taken = [which for which in FORWARDED if signal.getsignal(which) is not signal.SIG_IGN]
    for which in taken:
        loop.add_signal_handler(which, job.send, which)
    loop.add_signal_handler(signal.SIGCONT, job.resume)
    try:
        yield
    finally:
        for which in (*taken, signal.SIGCONT):
            loop.remove_signal_handler(which)
