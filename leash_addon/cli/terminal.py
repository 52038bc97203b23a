"""The controlling terminal: which process group is in its foreground.

A child in a process group of its own may read the terminal only while that group is in the
foreground; otherwise the kernel stops it with SIGTTIN. So leash, like a shell, hands the
foreground over and takes it back. ``NoTerminal`` is the same for a process that has none.
"""

import os
import signal
import termios
import threading
from typing import Protocol


class Foreground(Protocol):
    """Who is in the foreground, and how to change it."""

    @property
    def interactive(self) -> bool:
        """Tell whether leash itself reads from and writes to a terminal, with no pipe beside it."""

    def owner(self) -> int | None:
        """Return the process group in the foreground; ``None`` where there is no terminal."""

    def give(self, group: int) -> None:
        """Put a process group in the foreground; one that is gone is left alone."""

    def restore(self) -> None:
        """Set the terminal's modes back to what they were when leash started."""


class NoTerminal:
    """There is no terminal: nothing to hand over."""

    interactive = False

    def owner(self) -> int | None:
        """Tell that there is no foreground."""
        return None

    def give(self, group: int) -> None:
        """Do nothing."""

    def restore(self) -> None:
        """Do nothing."""


class Terminal:
    """The controlling terminal of this process, by an open file descriptor."""

    def __init__(self, fd: int) -> None:
        """Remember the terminal's modes, to restore them after a child that died in raw mode."""
        self._fd = fd
        self._modes = termios.tcgetattr(fd)

    @property
    def interactive(self) -> bool:
        """Tell whether standard input and output are both terminals."""
        return os.isatty(0) and os.isatty(1)

    def owner(self) -> int | None:
        """Return the process group in the foreground; ``None`` when the terminal has hung up."""
        try:
            return os.tcgetpgrp(self._fd)
        except OSError:
            return None

    def give(self, group: int) -> None:
        """Put a process group in the foreground; one that is gone is left alone."""
        # A background process that changes the foreground is stopped by SIGTTOU, unless blocked.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            os.tcsetpgrp(self._fd, group)
        except OSError:
            return
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def restore(self) -> None:
        """Set the modes back, if leash is in the foreground."""
        if self.owner() == os.getpgrp():
            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._modes)


def open_terminal() -> Foreground:
    """Return the controlling terminal of this process, if it has one."""
    try:
        return Terminal(os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY))
    except (OSError, termios.error):
        return NoTerminal()


def stop_ourselves() -> None:
    """Stop leash's process group, as the shell that started it expects; return after SIGCONT.

    The rest of the group is stopped first; our own signal goes to this very thread, so that it
    takes effect before the next line runs. In an orphaned group, which nobody could continue,
    the kernel ignores it and this returns at once.
    """
    before = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
    os.kill(0, signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    signal.pthread_kill(threading.get_ident(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, before)
