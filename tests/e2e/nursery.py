"""Starts many leashes fast: a process that has imported everything once and forks them.

What runs in a fork is ``leash_addon.cli.main.main`` with its own arguments, environment and
files; only the time that imports take is saved. Run as a script, it takes one JSON order a line:
``{"argv", "env", "cwd", "out", "errors"}`` starts one and answers with its pid,
``{"wait": PID}`` reaps it and answers with its exit code (negative: the signal).
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0
"""Seconds after which a leash that does not end is killed, so that its test fails and ends."""


class Nursery:
    """The test's end of the forking process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        """Take the process."""
        self._process = process

    def start(
        self,
        *argv: str,
        env: Mapping[str, str],
        errors: Path,
        out: Path = Path(os.devnull),
        cwd: Path = ROOT,
    ) -> int:
        """Fork a leash; return its pid. Its standard error goes to a file, and its output may."""
        files = {"out": str(out), "errors": str(errors), "cwd": str(cwd)}
        return self._order({"argv": argv, "env": dict(env), **files})

    def wait(self, pid: int) -> int:
        """Reap a leash; return its exit code, negative for the signal that ended it."""
        late = threading.Timer(PATIENCE, os.kill, (pid, signal.SIGKILL))
        late.start()
        try:
            return self._order({"wait": pid})
        finally:
            late.cancel()

    def _order(self, order: Mapping[str, object]) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def nursing() -> Iterator[Nursery]:
    """Run the forking process."""
    command = [sys.executable, __file__]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        yield Nursery(process)


def _main() -> None:
    sys.path.insert(0, str(ROOT))
    alive: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            alive.discard(order["wait"])
            answer = _reaped(order["wait"])
        else:
            answer = _forked(order)
            alive.add(answer)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _reaped(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _forked(order: Mapping[str, Any]) -> int:
    from leash_addon.cli import run, serve  # noqa: F401, PLC0415 - they import nearly everything
    from leash_addon.cli.main import main  # noqa: PLC0415

    pid = os.fork()
    if pid:
        return pid
    making = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    for target, name, how in (
        (0, os.devnull, os.O_RDONLY),
        (1, order["out"], making),
        (2, order["errors"], making),
    ):
        os.dup2(os.open(name, how, 0o600), target)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    code = 125
    try:
        code = main(order["argv"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    raise AssertionError


if __name__ == "__main__":
    _main()
