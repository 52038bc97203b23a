"""The wrapper runs a command as a shell runs a job: real processes, a real shell on a real pty."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

import pytest

WRAPPED = Path(__file__).with_name("wrapped.py")
ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


def command(*words: str) -> list[str]:
    """Return the command line that runs ``words`` under the wrapper."""
    return [sys.executable, str(WRAPPED), *words]


def environment() -> dict[str, str]:
    """Return an environment in which the wrapper's package is importable."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "PS1": "$ ", "TERM": "dumb"}


class Screen:
    """A shell on a pty: type into it, and wait for what it shows."""

    def __init__(self, *words: str) -> None:
        """Start ``words`` as the leader of a session on a new pty."""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(words[0], list(words), environment())  # noqa: S606
        self.text = ""

    def type(self, keys: str) -> None:
        """Type into the terminal."""
        os.write(self.fd, keys.encode())

    def until(self, pattern: str) -> re.Match[str]:
        """Wait until the screen shows ``pattern``, and forget everything up to it."""
        end = time.monotonic() + PATIENCE
        while True:
            found = re.search(pattern, self.text)
            if found:
                self.text = self.text[found.end() :]
                return found
            if time.monotonic() > end:
                pytest.fail(f"{pattern!r} never came; the screen shows {self.text!r}")
            if select.select([self.fd], [], [], 0.2)[0]:
                try:
                    self.text += os.read(self.fd, 65536).decode(errors="replace")
                except OSError:
                    pytest.fail(f"{pattern!r} never came before the end: {self.text!r}")

    def close(self) -> None:
        """Hang up and reap."""
        os.close(self.fd)
        end = time.monotonic() + PATIENCE
        while os.waitpid(self.pid, os.WNOHANG) == (0, 0):
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.02)


@pytest.fixture
def shell() -> Iterator[Screen]:
    """Start an interactive bash with job control on a pty.

    ``noflsh``: the kernel's flush after Ctrl-C would race with what a test types next.
    """
    screen = Screen("bash", "--norc", "--noprofile", "--noediting", "-i")
    screen.type("PS1='ready> '; stty -echo noflsh; echo go''ne\n")
    screen.until("gone")
    screen.until("ready> ")
    yield screen
    screen.close()


def wrapping(program: str) -> str:
    """Return the shell's line that runs a Python program under the wrapper."""
    return " ".join(command(sys.executable, "-u", "-c", f"'{program}'")) + "\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(["sh", "-c", "exit 7"], 7, id="its own code"),
        pytest.param(["true"], 0, id="success"),
        pytest.param(["sh", "-c", "kill -TERM $$"], 143, id="ended by a signal"),
        pytest.param(["sh", "-c", "kill -KILL $$"], 137, id="killed"),
        pytest.param(["/nowhere/at-all"], 127, id="no such file"),
        pytest.param(["no-such-command-at-all"], 127, id="no such command"),
        pytest.param(["/etc/passwd"], 126, id="not executable"),
        pytest.param(["/"], 126, id="a folder"),
    ],
)
def test_the_exit_code_is_the_one_a_shell_gives(words: list[str], code: int) -> None:
    """The wrapper ends as a shell would say that the command ended."""
    done = subprocess.run(command(*words), env=environment(), check=False, timeout=PATIENCE)
    assert done.returncode == code


@pytest.mark.parametrize(
    "name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"]
)
def test_a_signal_reaches_the_whole_group_of_the_child(name: str) -> None:
    """A signal sent to leash arrives at the child and at the child's own child."""
    program = (
        "import signal, sys, os\n"
        f"signal.signal(signal.{name}, lambda *_: (os.write(1, b'got it\\n'), os._exit(0)))\n"
        "os.fork()\n"
        "os.write(1, b'up\\n')\n"
        "while True: signal.pause()\n"
    )
    with subprocess.Popen(
        command(sys.executable, "-c", program),
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["up\n"] * 2
        process.send_signal(getattr(signal, name))
        assert process.stdout.read() == "got it\n" * 2
    assert process.returncode == 0


def test_standard_streams_are_the_childs() -> None:
    """What the child reads and writes passes leash by."""
    done = subprocess.run(
        command("tr", "a-z", "A-Z"),
        env=environment(),
        input="through\n",
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.stdout, done.stderr) == ("THROUGH\n", "wrapper ends with 0\n")


def test_ctrl_c_reaches_the_child_which_may_go_on(shell: Screen) -> None:
    """Ctrl-C interrupts the child, and leash lives as long as the child does."""
    shell.type(
        wrapping(
            "import signal, time\n"
            "caught = []\n"
            'signal.signal(signal.SIGINT, lambda *_: caught.append(print("caught")))\n'
            'print("up")\n'
            "while not caught: time.sleep(0.05)\n"
            'print("line", input())'
        )
    )
    shell.until("up")
    shell.type("\x03")
    shell.until("caught")
    shell.type("typed\n")
    shell.until("line typed")
    shell.until("wrapper ends with 0")
    shell.until("ready> ")


def test_ctrl_c_ends_a_child_that_does_not_catch_it(shell: Screen) -> None:
    """The code of an interrupted child is 130 and the shell gets its terminal back."""
    shell.type(" ".join(command("sh", "-c", "'echo up; exec sleep 60'")) + "\n")
    shell.until("up")
    shell.type("\x03")
    shell.until("wrapper ends with 130")
    shell.until("ready> ")
    shell.type("echo co''de $?\n")
    shell.until("code 130")


def test_ctrl_z_stops_both_and_fg_continues_them(shell: Screen) -> None:
    """Ctrl-Z gives the shell its prompt; ``fg`` gives the child the keyboard again."""
    shell.type(
        wrapping(
            "import signal\n"
            'signal.signal(signal.SIGCONT, lambda *_: print("again"))\n'
            'print("up", input()); print("then", input())'
        )
    )
    shell.type("one\n")
    shell.until("up one")
    for _ in range(2):
        shell.type("\x1a")
        shell.until("Stopped")
        shell.until("ready> ")
        shell.type("echo sh''ell\n")
        shell.until("shell")
        shell.type("fg\n")
        shell.until("again\r")
    shell.type("two\n")
    shell.until("then two")
    shell.until("wrapper ends with 0")
    shell.until("ready> ")


def test_a_job_started_in_the_background_gets_the_keyboard_by_fg(shell: Screen) -> None:
    """``leash -- cmd &`` leaves the terminal to the shell until ``fg``."""
    shell.type(" ".join(command("sh", "-c", "'read x; echo got $x'")) + " &\n")
    shell.until("ready> ")
    shell.type("echo sh''ell\n")
    shell.until("shell")
    shell.type("fg\n")
    shell.until("wrapped.py")
    shell.type("typed\n")
    shell.until("got typed")
    shell.until("wrapper ends with 0")


def test_in_a_pipeline_a_child_that_asks_still_gets_the_keyboard(shell: Screen) -> None:
    """``leash -- cmd | cat``: a child that reads the terminal is given it when it asks."""
    shell.type(" ".join(command("sh", "-c", "'read x; echo got $x'")) + " | cat\n")
    shell.type("typed\n")
    shell.until("got typed")
    shell.until("ready> ")


def test_in_a_pipeline_ctrl_z_stops_all_and_fg_continues(shell: Screen) -> None:
    """The foreground stays with the pipeline; stopping and continuing reach the child."""
    program = (
        "import signal, time\n"
        "seen = []\n"
        "signal.signal(signal.SIGCONT, lambda *_: seen.append(1))\n"
        'print("up")\n'
        "while not seen: time.sleep(0.05)\n"
        'print("over")'
    )
    shell.type(wrapping(program).rstrip() + " | cat\n")
    shell.until("up")
    shell.type("\x1a")
    shell.until("Stopped")
    shell.until("ready> ")
    shell.type("fg\n")
    shell.until("over")
    shell.until("ready> ")


def test_resizing_the_terminal_reaches_the_child(shell: Screen) -> None:
    """A child that listens for SIGWINCH hears of the new size."""
    shell.type(
        wrapping(
            "import os, signal\n"
            "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])\n"
            'print("up"); signal.sigwait([signal.SIGWINCH])\n'
            'print("size", os.get_terminal_size(0).columns); input()'
        )
    )
    shell.until("up")
    ioctl(shell.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 123, 0, 0))
    shell.until("size 123")
    shell.type("\n")
    shell.until("ready> ")


def test_a_child_killed_in_raw_mode_leaves_a_usable_terminal(shell: Screen) -> None:
    """Terminal modes are put back when a signal ended the child."""
    shell.type(
        "bash -c '"
        + " ".join(command("sh", "-c", '"stty raw; echo up; kill -KILL \\$\\$"'))
        + '; stty -a | grep -o "[-]*icanon"; echo shown\'\n'
    )
    shell.until("wrapper ends with 137")
    assert shell.until("(-?icanon)\\s+shown").group(1) == "icanon"


def test_an_interactive_shell_can_be_wrapped(shell: Screen) -> None:
    """A child with job control of its own works as it does without leash."""
    shell.type(" ".join(command("bash", "--norc", "--noprofile", "--noediting", "-i")) + "\n")
    shell.type("PS1='inner> '\n")
    shell.until("inner> ")
    shell.type("sh -c 'echo sleeps; exec sleep 60'\n")
    shell.until("sleeps")
    shell.type("\x1a")
    shell.until("Stopped")
    shell.type("exit 5\n")
    shell.until("stopped jobs")
    shell.type("exit 5\n")
    shell.until("wrapper ends with 5")
    shell.until("ready> ")
