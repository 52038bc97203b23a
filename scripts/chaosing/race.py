"""Processes race for one cap; ``python -m scripts.chaosing.race DB NUMBER TASKS`` is one."""

import asyncio
import json
import random
import subprocess
import sys
import time
from pathlib import Path

from leash_addon.core.caps import Cap
from leash_addon.core.holds import HoldMode, Holds
from leash_addon.core.limits import NO_LIMITS, Ceiling
from leash_addon.core.money import Pico
from leash_addon.core.terms import Terms
from leash_addon.core.verdict import Allow
from leash_addon.core.windows import WindowKind
from leash_addon.ledger import LedgerWriter, new_call_id, open_ledger
from scripts.chaosing.world import ROOT, TOKEN, ask, database, end, now

BUDGET = Pico(1_000_000 * TOKEN)
"""A dollar: some two to three thousand calls."""

TERMS = Terms(
    caps=(Cap(window=WindowKind.TOTAL, ceiling=Ceiling(max_cost=BUDGET)),),
    holds=Holds(mode=HoldMode.HARD),
)
ACCOUNT = "cap:all|total"


async def race(path: Path, number: int, tasks: int) -> dict[str, float]:
    """Make calls from so many tasks at once until the cap says no for good."""
    rng = random.Random(number)  # noqa: S311 - chance, not a secret
    writer = LedgerWriter(open_ledger(path, terms=TERMS), clock=now, rng=rng)
    await writer.start()
    run = f"run-{number}"
    await writer.start_run(run, NO_LIMITS)
    found = {"admitted": 0, "spent": 0, "waited": 0}
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.readline)
    began = time.monotonic()

    async def work() -> None:
        while True:
            name = new_call_id(now(), rng)
            verdict = await writer.admit(ask(run, name))
            if isinstance(verdict, Allow):
                await asyncio.sleep(rng.random() * 0.005)
                ended = end(name, now(), rng)
                found["admitted"] += 1
                found["spent"] += ended.cost or 0
                writer.settle(ended)
            elif verdict.final:
                return
            else:
                found["waited"] += 1
                await asyncio.sleep(0.002 + rng.random() * 0.004)

    await asyncio.gather(*(work() for _ in range(tasks)))
    found["seconds"] = time.monotonic() - began  # type: ignore[assignment]
    await writer.close()
    return found


def cap_race(processes: int = 4, tasks: int = 64) -> dict[str, object]:
    """Let processes race; return the figures and whether every claim held."""
    with database() as path:
        open_ledger(path).close()
        racers = [_start(path, number, tasks) for number in range(processes)]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        outs = _finish(racers)
        with open_ledger(path, terms=TERMS) as ledger:
            balance, problems = ledger.account_balance(ACCOUNT), ledger.fsck()
    admitted = sum(out["admitted"] for out in outs)
    seconds = max(out["seconds"] for out in outs)
    return {
        "processes": processes,
        "tasks_each": tasks,
        "calls": admitted,
        "calls_per_second": round(admitted / seconds),
        "waits": sum(out["waited"] for out in outs),
        "spent_of_cap": balance.spent / BUDGET,
        "held": balance.spent <= BUDGET
        and problems == []
        and (balance.calls, balance.settled, balance.open_calls) == (admitted, admitted, 0)
        and balance.spent == sum(out["spent"] for out in outs),
    }


def _start(path: Path, number: int, tasks: int) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "scripts.chaosing.race", str(path), str(number), str(tasks)]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, cwd=ROOT)


def _finish(racers: list[subprocess.Popen[str]]) -> list[dict[str, float]]:
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    return [json.loads(racer.communicate(timeout=300)[0]) for racer in racers]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(race(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))))
