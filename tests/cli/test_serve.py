"""``leash serve``: one port for base_url clients and for HTTPS_PROXY."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.world import AGENT, PATIENCE, Leash

BODY = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}).encode()


class Served:
    """A serving leash and its port."""

    def __init__(
        self, leash: Leash, *flags: str, meanwhile: Callable[[int], None] = lambda _: None
    ) -> None:
        """Start it and wait until it says where it listens; ``meanwhile`` is given its pid."""
        self.leash = leash
        listen = ("--insecure", "--listen", "127.0.0.1:0")
        self.process = leash.start("serve", *listen, *flags)
        meanwhile(self.process.pid)
        self.lines: list[str] = []
        self.hear("serving on")
        self.port = int(self.lines[-1].split()[3].rpartition(":")[2])

    @property
    def _stderr(self) -> "subprocess.IO[str]":  # type: ignore[name-defined]
        assert self.process.stderr is not None
        return self.process.stderr

    def call(self, run: str | None = None, token: str | None = None) -> int:
        """Make a call by base URL; return its status."""
        named = {"x-loop-id": run, "x-leash-token": token}
        headers = {"content-type": "application/json"}
        headers |= {name: value for name, value in named.items() if value}
        url = f"http://127.0.0.1:{self.port}/v1/chat/completions"
        request = urllib.request.Request(url, BODY, headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=PATIENCE) as answer:
                answer.read()
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.read()
            return error.code

    def hear(self, words: str) -> None:
        """Wait until it has said so."""
        while not self.lines or words not in self.lines[-1]:
            line = self._stderr.readline()
            assert line, "".join(self.lines)
            self.lines.append(line)

    def stop(self, which: signal.Signals = signal.SIGTERM) -> int:
        """End it as an operator does; return its exit code."""
        self.process.send_signal(which)
        _, rest = self.process.communicate(timeout=PATIENCE)
        self.lines.append(rest)
        return self.process.returncode


@pytest.fixture
def served(leash: Leash) -> Iterator[Served]:
    """Serve with a limit of two calls."""
    made = Served(leash, "--max-calls", "2")
    yield made
    if made.process.poll() is None:
        made.stop()


def test_one_port_serves_base_urls_and_proxies_and_keeps_runs_apart(served: Served) -> None:
    """Runs are named by header or proxy user, each with its own limit; the rest is default."""
    assert [served.call("a") for _ in range(3)] == [200, 200, 429]
    assert served.call() == 200
    exports = served.leash("env", "--json", "--run", "b", "--listen", f"127.0.0.1:{served.port}")
    done = subprocess.run(
        [sys.executable, str(AGENT), "3"],
        env=served.leash.env | exports.json,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "200 200 429\n"
    found = {run["run"]: (run["status"], run["calls"]) for run in served.leash("ps", "--json").json}
    assert found == {"a": ("stopped", 2), "b": ("stopped", 2), "default": ("running", 1)}
    assert served.stop() == 0
    ended = {run["run"]: run["status"] for run in served.leash("ps", "--json").json}
    assert ended == {"a": "stopped", "b": "stopped", "default": "finished"}


def test_nothing_is_missed_while_it_starts(leash: Leash) -> None:
    """SIGHUP ends nobody who has just begun, and an edit that comes after the reading is taken."""
    file = leash.here / "leash.toml"
    file.write_text("[limits]\nmax_calls = 1\n")

    def meanwhile(pid: int) -> None:
        while not catches(pid, signal.SIGHUP):
            time.sleep(0.002)
        file.write_text("[limits]\nmax_calls = 3\n")
        os.kill(pid, signal.SIGHUP)

    served = Served(leash, meanwhile=meanwhile)
    for run in map(str, range(200)):
        if [served.call(run) for _ in range(2)] == [200, 200]:
            break
        time.sleep(0.05)
    assert [served.call("z") for _ in range(4)] == [200, 200, 200, 429]
    assert served.stop() == 0


def catches(pid: int, which: signal.Signals) -> bool:
    """Tell whether a process has a handler for a signal."""
    status = Path(f"/proc/{pid}/status").read_text()
    return bool(int(status.partition("SigCgt:")[2].split()[0], 16) >> (which - 1) & 1)


def test_without_a_limit_serve_says_so(leash: Leash) -> None:
    """No limit is put on ``default`` unless one is given, and serve says it."""
    served = Served(leash)
    assert any('no limit is set, on the run "default"' in line for line in served.lines)
    assert [served.call() for _ in range(3)] == [200] * 3
    assert served.stop(signal.SIGINT) == 0
    assert served.lines[-1] == "leash: served 3 calls in 1 run\n"


CAPS = """
[[cap]]
per = "run"
window = "total"
max_cost = 0.04
action = "alert"
warn_at = [0.5]
[[cap]]
per = "feature"
window = "total"
max_calls = 2
"""


def test_serve_names_its_caps_and_logs_what_they_say(leash: Leash) -> None:
    """A reader of the log learns of a warning, an alert and a stop; the ledger, who refused."""
    (leash.here / "leash.toml").write_text(CAPS)
    served = Served(leash)
    assert [served.call("r") for _ in range(3)] == [200, 200, 429]
    events = leash("inspect", "r", "--json").json["events"]
    assert served.stop() == 0
    start, said = served.lines[-2], served.lines[-1]
    assert (start.endswith(" · no limit · 2 caps\n"), "no limit is set" in start) == (True, False)
    assert [
        line.partition("leash: run ")[2] for line in said.splitlines() if "leash: run" in line
    ] == [
        "r: Total spend cap for run r: $0.0250 of $0.0400 spent",
        "r: Total spend cap reached for run r: $0.0500 of $0.0400 spent",
    ]
    refused = [event["account"] for event in events if event.get("refused") == "cap"]
    assert refused == ["cap:feature=|total"]


def test_a_taken_port_is_an_error(served: Served) -> None:
    """A second serve on the port exits with 125 and says why."""
    done = served.leash("serve", "--insecure", "--listen", f"127.0.0.1:{served.port}")
    assert done.code == 125
    assert [line.partition(" on ")[0] for line in done.err.splitlines()] == ["leash: cannot listen"]
