"""A process that sleeps past its lease, clocks that step, a disk that is full."""

import random
import signal
import subprocess
import sys
from pathlib import Path

from leash_addon.core.buckets import Bucket
from leash_addon.core.caps import Cap
from leash_addon.core.journal import CallAdjusted
from leash_addon.core.limits import NO_LIMITS, Ceiling
from leash_addon.core.money import SECOND, Instant
from leash_addon.core.rate_limits import RateLimit
from leash_addon.core.terms import Terms
from leash_addon.core.verdict import Allow
from leash_addon.core.windows import WindowKind
from leash_addon.ledger import Ledger, open_ledger
from scripts.chaosing.world import ROOT, ask, database, end, now

HOUR = 3_600 * SECOND


def _worker(path: Path, role: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "tests.ledger.worker", str(path), role]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)


def stopped(rounds: int = 20) -> dict[str, object]:
    """SIGSTOP a process past its lease, as seen from here and from another machine; then SIGCONT.

    Here its lock shows that it lives; from another machine (no lock to be seen) it is swept, and
    its true end is one adjustment.
    """
    kept = adjusted = 0
    for number in range(rounds):
        with database() as path, open_ledger(path) as reader:
            reader.start_run("r1", NO_LIMITS, now=now())
            kept += _sleeps(path, reader, seen=number % 2 == 0)
            adjusted += sum(isinstance(one, CallAdjusted) for _, one in reader.entries("r1"))
            balance = reader.balance("r1")
            whole = (balance.calls, balance.spent, balance.held) == (1, 7_000_000, 0)
            assert whole
            assert reader.fsck() == []
    return {"rounds": rounds, "kept": kept, "adjusted": adjusted} | {
        "held": kept == adjusted == rounds // 2
    }


def _sleeps(path: Path, reader: Ledger, *, seen: bool) -> bool:
    """Return whether the sleeper's call was left alone."""
    process = _worker(path, "hold")
    assert process.stdout is not None
    assert process.stdout.readline() == "opened\n"
    process.send_signal(signal.SIGSTOP)
    if not seen:
        for lock in path.with_name(path.name + ".owners").glob("*.lock"):
            lock.unlink()
    found = reader.sweep(Instant(now() + HOUR))
    process.send_signal(signal.SIGCONT)
    process.communicate("end\n", timeout=60)
    return not found


def clock(steps: int = 2_000) -> dict[str, object]:
    """Step the clock back and forth by up to two days between calls, under caps and rates."""
    rng = random.Random(steps)  # noqa: S311 - chance, not a secret
    caps = tuple(
        Cap(window=window, ceiling=Ceiling(max_calls=steps, max_cost=10**14))
        for window in WindowKind
    )
    rate = RateLimit(requests=Bucket(units=5, seconds=1, burst=5))
    at, admitted, spent = now(), 0, 0
    open_calls: list[str] = []
    with database() as path, open_ledger(path, terms=Terms(caps=caps, rates=(rate,))) as ledger:
        ledger.start_run("r", NO_LIMITS, now=at)
        for number in range(steps):
            far = rng.choice([SECOND, 60 * SECOND, 48 * HOUR])
            at = Instant(at + rng.randint(-far, far))
            if isinstance(ledger.admit(ask("r", f"c{number}"), at), Allow):
                admitted += 1
                open_calls.append(f"c{number}")
            if open_calls and rng.random() < 0.6:
                ended = end(open_calls.pop(rng.randrange(len(open_calls))), at, rng)
                ledger.settle([ended, ended])
                spent += ended.cost or 0
            ledger.heartbeat(at)
            ledger.sweep(at)
        balance, total = ledger.balance("r"), ledger.account_balance("cap:all|total")
        problems = ledger.fsck()
    whole = (balance.calls, balance.spent, balance.open_calls) == (admitted, spent, len(open_calls))
    return {"steps": steps, "admitted": admitted} | {
        "held": whole and problems == [] and (total.calls, total.spent) == (admitted, spent)
    }


def full() -> dict[str, object]:
    """Let no file grow for a while (RLIMIT_FSIZE): calls are refused, then all is on record."""
    with database() as path:
        out, _ = _worker(path, "full").communicate(timeout=60)
    refused, then = out.splitlines()
    return {"refused": refused.partition("disk")[2].strip()} | {
        "held": "refuses to read or write it" in refused and then == "then Allow 2 100 []"
    }
