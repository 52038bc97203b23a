"""What the trials share: a fake provider, agents started under leash, and what the ledger says."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.agent_trials.install import cache
from scripts.agent_trials.programs import KEYS, Program

LEASH = (sys.executable, "-m", "leash_addon")
REPOSITORY = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
"""Seconds that an agent may take."""


@dataclass(frozen=True, slots=True)
class Fake:
    """A fake provider on a port of its own."""

    url: str

    def seen(self) -> dict[str, Any]:
        """Return what has arrived there."""
        with urllib.request.urlopen(f"{self.url}/_requests", timeout=10) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return found


@contextmanager
def fake_provider(*flags: str) -> Iterator[Fake]:
    """Run a fake provider."""
    words = [*LEASH, "fakeprovider", "--port", "0", *flags]
    with subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101
        line = process.stdout.readline()
        try:
            yield Fake(line.split()[-1])
        finally:
            process.terminate()


@dataclass(slots=True)
class Home:
    """A fresh home and working folder of one trial, and the ledger in it."""

    path: Path
    configuration: str = ""
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Return what a process of this trial starts with."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TERM") if name in os.environ}
        found = {**kept, **KEYS, "HOME": str(self.path), "PYTHONPATH": str(REPOSITORY)}
        return {**found, **self.extra}

    def leash(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of leash."""
        return subprocess.run(
            [*LEASH, *words],
            cwd=self.work,
            env=self.environment,
            text=True,
            capture_output=True,
            timeout=60,
            check=False,
        )

    @property
    def work(self) -> Path:
        """Return the folder that agents work in."""
        return self.path / "work"

    def furnish(self, files: Mapping[str, str]) -> None:
        """Write files, by their paths in this home."""
        for name, text in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def inspect(self, run: str) -> dict[str, Any]:
        """Return the account of a run."""
        found: dict[str, Any] = json.loads(self.leash("inspect", run, "--json").stdout)
        return found

    def start(self, program: Program, fake: Fake, run: str, *flags: str) -> "Started":
        """Start an agent under leash; its words go to a file."""
        output = self.path / f"{run}.txt"
        command = program.words(cache())
        # Nothing but providers is reached, so that whatever finds no route went past leash.
        given = ("--run", run, "--upstream", fake.url, "--passthrough", "deny")
        words = [*LEASH, *given, *flags, "--", *command]
        with output.open("w") as file:
            process = subprocess.Popen(
                words,
                cwd=self.work,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        return Started(process, output, time.monotonic())


@dataclass(slots=True)
class Started:
    """An agent that runs."""

    process: "subprocess.Popen[bytes]"
    output: Path
    at: float

    def wait(self) -> int | None:
        """Return its exit code; ``None`` when it had to be killed for its slowness."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    @property
    def said(self) -> str:
        """Return what it has written."""
        return self.output.read_text(errors="replace")


@contextmanager
def home(configuration: str = "", files: Sequence[tuple[str, str]] = ()) -> Iterator[Home]:
    """Make a home that goes away."""
    with tempfile.TemporaryDirectory(prefix="trial-", dir=cache()) as folder:
        found = Home(Path(folder))
        found.work.mkdir()
        (found.work / "leash.toml").write_text(configuration)
        found.furnish(dict(files))
        yield found


def no_routes() -> int:
    """Return how many packets found no route: every direct attempt to leave is one, or more.

    https://www.rfc-editor.org/rfc/rfc4293 (ipSystemStatsOutNoRoutes), read as the kernel has it.
    """
    lines = [line.split() for line in Path("/proc/self/net/snmp").read_text().splitlines()]
    names, values = (words for words in lines if words[0] == "Ip:")
    older = int(values[names.index("OutNoRoutes")])
    newer = (line.split() for line in Path("/proc/self/net/snmp6").read_text().splitlines())
    return older + sum(int(value) for name, value in newer if name == "Ip6OutNoRoutes")
