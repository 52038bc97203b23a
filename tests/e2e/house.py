"""A home of its own, and leash in it as a user has it: the installed command, real processes."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from leash_addon.core.balance import Balance
from leash_addon.core.journal import CallSettled, Entry
from leash_addon.ledger import open_ledger
from tests.e2e.nursery import PATIENCE, Nursery

BIN = Path(sys.executable).parent
LEASH = BIN / "leash"
CLIENTS = Path(__file__).with_name("clients")

type Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A process that has ended: its exit code, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def answers(self) -> list[Json]:
        """Return what a client of ours printed, one JSON object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def said(self) -> list[str]:
        """Return leash's own lines, without their mark."""
        lines = self.err.splitlines()
        return [line.removeprefix("leash: ") for line in lines if line.startswith("leash: ")]


class Talk:
    """An agent under leash that does as it is told, one line at a time."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        """Take the process; ``errors`` is the file that its standard error goes to."""
        self.process = process
        self._errors = errors
        self._finished: Finished | None = None

    def tell(self, **order: object) -> None:
        """Give an order, and do not wait for what comes of it."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def hear(self) -> Json:
        """Wait for the next thing the agent prints."""
        assert self.process.stdout is not None
        late = threading.Timer(PATIENCE, self.process.kill)
        late.start()
        line = self.process.stdout.readline()
        late.cancel()
        assert line, f"the agent has gone: {self._errors.read_text()}"
        answer: Json = json.loads(line)
        return answer

    def call(self, **order: object) -> Json:
        """Have one call made; return its status, headers and body."""
        self.tell(**order)
        return self.hear()

    def end(self) -> Finished:
        """Let the agent end, and leash with it."""
        if self._finished is None:
            out, _ = self.process.communicate(timeout=PATIENCE)
            errors = self._errors.read_text()
            self._finished = Finished(code=self.process.returncode, out=out, err=errors)
        return self._finished


@dataclass(kw_only=True)
class House:
    """A home directory, a working directory, and the environment of a user who has both.

    ``nursery``: where short commands of leash are forked; without one each is a process anew.
    """

    root: Path
    extra: dict[str, str] = field(default_factory=dict)
    nursery: Nursery | None = None

    def __post_init__(self) -> None:
        """Make the directories."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.work.mkdir(exist_ok=True)

    @property
    def home(self) -> Path:
        """Return the home directory; empty at first."""
        return self.root / "home"

    @property
    def work(self) -> Path:
        """Return the directory that commands run in; empty at first."""
        return self.root / "work"

    @property
    def db(self) -> Path:
        """Return where the ledger is unless somebody names another."""
        return self.home / ".leash" / "leash.db"

    @property
    def env(self) -> dict[str, str]:
        """Return the environment: nothing of the tester's own but the path."""
        path = f"{BIN}:{os.environ.get('PATH', os.defpath)}"
        own = {"HOME": str(self.home), "PATH": path, "LANG": "C.UTF-8", "USER": "tester"}
        return own | self.extra

    def leash(self, *words: str | Path, env: Mapping[str, str] | None = None) -> Finished:
        """Run one command line of leash to its end."""
        if self.nursery is None:
            return self.execute(LEASH, *words, env=env)
        out, errors = self.root / "out", self.root / "errors"
        whole = self.env | dict(env or {})
        pid = self.nursery.start(*map(str, words), env=whole, out=out, errors=errors, cwd=self.work)
        code = self.nursery.wait(pid)
        return Finished(code=code, out=out.read_text(), err=errors.read_text())

    def execute(self, *words: str | Path, env: Mapping[str, str] | None = None) -> Finished:
        """Run a program to its end, in this house."""
        done = subprocess.run(
            [str(word) for word in words],
            cwd=self.work,
            env=self.env | dict(env or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return Finished(code=done.returncode, out=done.stdout, err=done.stderr)

    def script(self, name: str) -> tuple[str, str]:
        """Return the command that runs one of our clients."""
        return sys.executable, str(CLIENTS / name)

    @contextmanager
    def agent(self, *flags: str, env: Mapping[str, str] | None = None) -> Iterator[Talk]:
        """Run an obedient agent under ``leash FLAGS --``."""
        with self.governed(*flags, command=self.script("agent.py")[1:], env=env) as talk:
            yield talk

    @contextmanager
    def governed(
        self, *flags: str, command: Sequence[str], env: Mapping[str, str] | None = None
    ) -> Iterator[Talk]:
        """Run Python with its own words under ``leash FLAGS --``."""
        words = (*flags, "--", sys.executable, *command)
        start = self.nursery.popen if self.nursery else _installed
        with self._talking(lambda **options: start(words, **options), env) as talk:
            yield talk

    @staticmethod
    def until(claim: Callable[[], bool]) -> bool:
        """Wait for what another process is about to do; tell whether it did."""
        end = time.monotonic() + PATIENCE
        while not claim() and time.monotonic() < end:
            time.sleep(0.005)
        return claim()

    @contextmanager
    def _talking(
        self, start: Callable[..., subprocess.Popen[str]], env: Mapping[str, str] | None
    ) -> Iterator[Talk]:
        """Start a program that is spoken to; it has ended when this has."""
        errors = self.root / f"errors-{len(list(self.root.glob('errors-*')))}"
        with errors.open("w") as file:
            process = start(
                cwd=self.work,
                env=self.env | dict(env or {}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
            )
        talk = Talk(process, errors)
        try:
            yield talk
            talk.end()
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                with contextlib.suppress(OSError):
                    if pipe is not None:
                        pipe.close()
            process.wait()

    def balance(self, run: str) -> Balance:
        """Read what a run stands at."""
        with open_ledger(self.db) as ledger:
            return ledger.balance(run)

    def entries(self, run: str) -> list[Entry]:
        """Read the journal of a run."""
        with open_ledger(self.db) as ledger:
            return [entry for _, entry in ledger.entries(run)]

    def settled(self, run: str) -> list[CallSettled]:
        """Read the calls of a run that have been settled, in the order of their end."""
        return [entry for entry in self.entries(run) if isinstance(entry, CallSettled)]

    def problems(self) -> list[str]:
        """Have the ledger checked; return what is wrong in it."""
        with open_ledger(self.db) as ledger:
            return [f"{each.place}: {each.message}" for each in ledger.fsck()]


def _installed(words: Sequence[str], **options: Any) -> subprocess.Popen[str]:  # noqa: ANN401
    return subprocess.Popen([str(LEASH), *words], **options, text=True)
