"""Real processes on one file: started at once, racing, and really killed."""

import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from leash_addon.core.balance import Balance
from leash_addon.core.limits import Limits
from leash_addon.core.money import Instant
from leash_addon.ledger import Ledger, open_ledger
from leash_addon.ledger.owner import LEASE
from tests.ledger.worker import STORM, STORM_LIMIT
from tests.ledger.worker import now as present
from tests.ledger.world import World

ROOT = Path(__file__).parents[2]


def start(path: Path | str, *role: str) -> subprocess.Popen[str]:
    """Start a process on the ledger at ``path``."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.worker", str(path), *role],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def output(process: subprocess.Popen[str]) -> str:
    """Wait for a process that must end well; return what it printed."""
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return out


def test_six_processes_that_start_at_once_on_a_new_file_all_succeed(tmp_path: Path) -> None:
    """Creating, switching to WAL and migrating is one process's work at a time."""
    assert output(start(tmp_path / "new" / "leash.db", "together", "6", "open")) == 6 * "open\n"


def test_four_processes_admit_exactly_as_many_calls_as_are_allowed(world: World) -> None:
    """No interleaving of processes lets one call more, or one less, through."""
    ledger = world.start(Limits(max_calls=150))
    hammered = output(start(world.path, "together", "4", "hammer", "60"))
    admitted = [int(line) for line in hammered.splitlines()]
    ledger.sweep(world.now)
    balance = ledger.balance("r1")
    assert (sum(admitted), balance.calls, balance.open_calls) == (150, 150, 0)
    assert ledger.fsck() == []


def test_a_full_disk_refuses_loses_nothing_and_cures_itself(tmp_path: Path) -> None:
    """While no file can grow calls are refused; afterwards what was queued is on record."""
    path = tmp_path / "leash.db"
    refused, then = output(start(path, "full")).splitlines()
    assert refused.startswith(f"refused ledger {path}: the disk ")
    assert then == "then Allow 2 100 []"


def test_a_stopped_process_keeps_its_calls(world: World) -> None:
    """SIGSTOP past its lease, then SIGCONT: its call is not swept, and settles as it ended."""
    reader = world.start()
    process = start(world.path, "hold")
    assert process.stdout is not None
    assert process.stdout.readline() == "opened\n"
    process.send_signal(signal.SIGSTOP)
    swept = reader.sweep(Instant(world.now + 10**18))
    process.send_signal(signal.SIGCONT)
    process.communicate("end\n", timeout=60)
    balance = reader.balance("r1")
    assert (swept, balance.open_calls, balance.spent) == ((), 0, 7_000_000)


def of_kind(ledger: Ledger, kind: str) -> Counter[str]:
    """Count the entries of a kind by call."""
    return Counter(
        entry.call  # type: ignore[union-attr]
        for _, entry in ledger.entries("r1")
        if type(entry).__name__ == kind
    )


def test_killed_processes_leave_every_call_counted_once(tmp_path: Path) -> None:
    """After 30 times kill -9: no call lost, none doubled, no hold left, totals exact."""
    path = tmp_path / "leash.db"
    with open_ledger(path) as ledger:
        ledger.start_run("r1", Limits(), now=Instant(1))
    said: dict[str, set[str]] = {}
    for line in output(start(path, "brood", "30")).splitlines():
        step, name = line.split()
        said.setdefault(step, set()).add(name)
    with open_ledger(path) as ledger:
        ledger.sweep(Instant(time.time_ns() // 1000))
        opened, settled = of_kind(ledger, "CallOpened"), of_kind(ledger, "CallSettled")
        balance = ledger.balance("r1")
        problems = ledger.fsck()
    assert problems == []
    assert said["opened"] <= opened.keys() <= said["asking"]
    assert (opened, set(opened.values())) == (settled, {1})
    swept = (balance.calls * 7_000_000 - balance.spent) // 2_000_000  # a hold is 5, a cost is 7
    assert len(opened) - len(said["ending"]) <= swept <= len(opened) - len(said["settled"])
    assert (balance.open_calls, balance.held, swept > 0) == (0, 0, True)


@pytest.mark.parametrize(
    "database",
    ["sqlite", pytest.param("postgres", marks=pytest.mark.long)],
    indirect=True,
)
def test_hard_caps_hold_over_one_to_four_processes_and_their_deaths(world: World) -> None:
    """Whenever one looks spent + held <= the cap and calls <= the limit; at last all settled."""
    world.terms = STORM
    reader = world.open()
    stands: list[Balance] = []
    for number in range(1, 5):
        run, account = f"run-{number}", f"cap:run=run-{number}|total"
        reader.start_run(run, Limits(max_calls=40 * number), now=present())
        process = start(world.url or world.path, "storm", run, str(number))
        while process.poll() is None:
            balance = reader.account_balance(account)
            assert balance.spent + balance.held <= STORM_LIMIT
            assert balance.calls <= 40 * number
            time.sleep(0.005)
        assert output(process) == ""
        reader.sweep(Instant(present() + LEASE))
        stands.append(reader.account_balance(account))
    assert [(one.settled, one.open_calls, one.held) for one in stands] == [
        (one.calls, 0, 0) for one in stands
    ]
    assert [one.spent <= STORM_LIMIT for one in stands] == [True] * 4
    assert min(one.calls for one in stands) > 10
    assert reader.fsck() == []
