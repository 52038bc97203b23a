"""Starts many leashes fast: a process that has imported everything once and forks them.

What runs in a fork is ``leash_addon.cli.main.main`` with its own arguments, environment, folder
and files; only the time that imports take is saved. The forks are children of the test, as if it
had started them: the forking process lets go of them at once, and the test adopts what is let go
(PR_SET_CHILD_SUBREAPER). Where a system has no such thing, each leash is a process anew.

Run as a script it takes one JSON order a message, with the three standard files beside it, and
answers with the pid.
"""

import ctypes
import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
PATIENCE = 90.0
"""Seconds after which a leash that does not end is killed, so that its test fails and ends."""

PR_SET_CHILD_SUBREAPER = 36
MOST = 1 << 18
"""Bytes of an order: arguments and environment."""


class Nursery:
    """The test's end of the forking process; without one, leashes are started one by one."""

    def __init__(self, orders: socket.socket | None) -> None:
        """Take the connection."""
        self._orders = orders
        self._lock = threading.Lock()
        self._started: dict[int, subprocess.Popen[str]] = {}

    def popen(self, words: Sequence[str], **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401
        """Start ``leash WORDS``; the options are those of ``subprocess.Popen``."""
        if self._orders is None:
            command = [sys.executable, "-m", "leash_addon", *words]
            return subprocess.Popen(command, **options, text=True)
        return _Fork(self, words, **options, text=True)

    def start(
        self,
        *argv: str,
        env: Mapping[str, str],
        errors: Path,
        out: Path = Path(os.devnull),
        cwd: Path = ROOT,
    ) -> int:
        """Fork a leash; return its pid. Its standard error goes to a file, and its output may."""
        with out.open("w") as output, errors.open("w") as complaints:
            process = self.popen(
                argv,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=complaints,
            )
        self._started[process.pid] = process
        return process.pid

    def wait(self, pid: int) -> int:
        """Reap a leash; return its exit code, negative for the signal that ended it."""
        process = self._started.pop(pid)
        late = threading.Timer(PATIENCE, process.kill)
        late.start()
        try:
            return process.wait()
        finally:
            late.cancel()

    def order(self, order: Mapping[str, object], files: Sequence[int]) -> int:
        """Have a leash forked with these standard files; return its pid."""
        assert self._orders is not None
        with self._lock:
            socket.send_fds(self._orders, [json.dumps(order).encode()], files)
            return int(self._orders.recv(64))

    def close(self) -> None:
        """Kill whatever a test has left behind."""
        for process in self._started.values():
            process.kill()
            process.wait()
        if self._orders is not None:
            self._orders.close()


class _Fork(subprocess.Popen[str]):
    """A process that the nursery forks; pipes, signals and waiting are those of ``Popen``."""

    def __init__(self, nursery: Nursery, words: Sequence[str], **options: Any) -> None:  # noqa: ANN401
        self._nursery = nursery
        super().__init__(list(words), **options)

    def _execute_child(self, words: list[str], *rest: Any) -> None:  # noqa: ANN401
        """Do what ``Popen`` does here, in the forking process; the order of ``rest`` is its own."""
        cwd, env = rest[4:6]
        pipes = rest[9:15]
        theirs = [end if end != -1 else own for own, end in enumerate(pipes[0:1] + pipes[3::2])]
        order = {
            "argv": words,
            "cwd": str(cwd or Path.cwd()),
            "env": dict(os.environ if env is None else env),
            "session": bool(rest[-2]),
        }
        self.pid = self._nursery.order(order, theirs)
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]


@contextmanager
def nursing() -> Iterator[Nursery]:
    """Run the forking process."""
    if not _adopt():
        yield Nursery(None)
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, __file__]
    with ours, subprocess.Popen(command, stdin=theirs, cwd=ROOT):
        theirs.close()
        nursery = Nursery(ours)
        try:
            yield nursery
        finally:
            nursery.close()


def _adopt() -> bool:
    """Become the parent of our descendants' orphans; tell whether this system can."""
    if sys.platform != "linux":
        return False
    return ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def _main() -> None:
    sys.path.insert(0, str(ROOT))
    _import_everything()
    orders = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    while True:
        order, files, _, _ = socket.recv_fds(orders, MOST, 3)
        if not order:
            return
        orders.send(str(_forked(json.loads(order), files, orders)).encode())
        for file in files:
            os.close(file)


def _import_everything() -> None:
    """Import the commands, what they import when it is first needed, and the published prices.

    Reading the shipped packs once compiles the patterns in them, which ``re`` then remembers.
    """
    from leash_addon.cli.main import COMMANDS  # noqa: PLC0415 - the path is set by now
    from leash_addon.config.packs import load_providers  # noqa: PLC0415
    from leash_addon.config.published import warm_up  # noqa: PLC0415
    from leash_addon.proxy.clients import load_clients  # noqa: PLC0415

    for module in COMMANDS.values():
        import_module(f"leash_addon.cli.{module}")
    import_module("sqlite_utils")
    load_providers()
    load_clients()
    warm_up()
    gc.collect()
    gc.freeze()


def _forked(order: Mapping[str, Any], files: Sequence[int], orders: socket.socket) -> int:
    """Fork a process that forks the leash and ends, so that the leash is let go of."""
    told, tell = os.pipe()
    middle = os.fork()
    if middle == 0:
        pid = os.fork()
        if pid:
            os.write(tell, str(pid).encode())
            os._exit(0)
        os.close(told)
        os.close(tell)
        orders.close()
        _become_leash(order, files)
    os.close(tell)
    with os.fdopen(told, "rb") as answer:
        pid = int(answer.read())
    os.waitpid(middle, 0)
    return pid


def _become_leash(order: Mapping[str, Any], files: Sequence[int]) -> None:
    from leash_addon.cli.main import main  # noqa: PLC0415

    if order["session"]:
        os.setsid()
    for target, file in enumerate(files):
        os.dup2(file, target)
    for file in files:
        os.close(file)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    code = 125
    try:
        code = main(order["argv"])
    finally:
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)
        os._exit(code)


def _flush(stream: IO[str] | None) -> None:
    if stream is not None:
        try:
            stream.flush()
        except BrokenPipeError:
            os._exit(128 + signal.SIGPIPE)


if __name__ == "__main__":
    _main()
