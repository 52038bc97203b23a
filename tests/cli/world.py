"""A home of its own, the ``leash`` command in it, and a fake provider: what the tests stand on."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.nursery import Nursery

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
"""Seconds before a hung process fails a test; nothing here is timed."""

AGENT = ROOT / "tests" / "cli" / "agent.py"
DROPPED = re.compile(
    r"LEASH_.*|.*_proxy|.*_PROXY|NODE_OPTIONS|JAVA_TOOL_OPTIONS|PYTHONDONTWRITEBYTECODE"
)
"""Variables of the developer's own; without the last, every start compiles all modules anew."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the command printed
        """Read its output as JSON."""
        return json.loads(self.out)


class Leash:
    """Runs ``leash`` with a home and a working folder of the test's own."""

    def __init__(self, folder: Path, nursery: Nursery, upstream: str = "") -> None:
        """Take the folder, and what forks leashes; ``upstream`` becomes ``LEASH_UPSTREAM``."""
        self.folder = folder
        self.nursery = nursery
        (folder / "home").mkdir(exist_ok=True)
        (folder / "here").mkdir(exist_ok=True)
        env = {name: value for name, value in os.environ.items() if not DROPPED.fullmatch(name)}
        self.env = env | {"HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
        if upstream:
            self.env["LEASH_UPSTREAM"] = upstream

    @property
    def here(self) -> Path:
        """Return the folder in which commands run."""
        return self.folder / "here"

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """Start a command in a session of its own; both outputs are pipes."""
        return self.nursery.popen(
            words,
            cwd=self.here,
            env=self.env | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def __call__(self, *words: str, **env: str) -> Done:
        """Run a command to its end."""
        process = self.start(*words, **env)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return Done(code=process.returncode, out=out, err=err)

    def agent(self, *flags: str, calls: int = 3, **env: str) -> Done:
        """Govern the test agent: it makes so many calls and prints their statuses."""
        return self(*flags, "--", sys.executable, str(AGENT), str(calls), **env)


@contextmanager
def fake_provider(leash: Leash, *flags: str) -> Iterator[str]:
    """Run ``leash fakeprovider`` on a free port; yield its address."""
    process = leash.start("fakeprovider", "--port", "0", *flags)
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        yield line.strip().rpartition(" ")[2]
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE)


def seen(address: str) -> Any:  # noqa: ANN401 - whatever it says
    """Return what the fake provider has seen."""
    with urllib.request.urlopen(f"{address}/_requests", timeout=PATIENCE) as answer:
        return json.load(answer)


def forget(address: str) -> None:
    """Let the fake provider forget what it has seen."""
    request = urllib.request.Request(f"{address}/_requests", method="DELETE")
    urllib.request.urlopen(request, timeout=PATIENCE).close()
