"""Power loss, stood in for: under strace, every commit is followed by an fsync of the -wal file.

``python -m scripts.chaosing.synced DB CALLS`` is the process that is traced.
"""

import asyncio
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

from leash_addon.core.limits import NO_LIMITS
from leash_addon.ledger import LedgerWriter, new_call_id, open_ledger
from scripts.chaosing.world import ROOT, ask, database, end, now

ALLOWED = 0.1
"""Seconds after which a settlement must be on the disk."""

LINE = re.compile(
    r"^(?P<pid>\d+) +(?P<at>\d+\.\d+) (?:"
    r"(?P<call>pwrite64|fsync|fdatasync)\(\d+<(?P<file>[^>]*)>|<\.\.\. (?P<rest>\w+) resumed)"
    r".*?(?:<(?P<took>\d+\.\d+)>)?$"
)


async def traffic(path: Path, calls: int) -> None:
    """Make calls one after the other, at odd moments."""
    rng = random.Random(calls)  # noqa: S311 - chance, not a secret
    writer = LedgerWriter(open_ledger(path), clock=now, rng=rng)
    await writer.start()
    await writer.start_run("r", NO_LIMITS)
    for _ in range(calls):
        name = new_call_id(now(), rng)
        await writer.admit(ask("r", name))
        writer.settle(end(name, now(), rng))
        await asyncio.sleep(rng.random() * 0.03)
    await writer.close()


def synced(calls: int = 300) -> dict[str, object]:
    """Return how long after it was written the log was synced, at most and mostly."""
    if shutil.which("strace") is None:
        return {"skipped": "no strace here", "held": True}
    with database() as path:
        trace = path.with_name("trace")
        words = ["strace", "-f", "-ttt", "-T", "-y", "-e", "trace=pwrite64,fsync,fdatasync"]
        work = [sys.executable, "-m", "scripts.chaosing.synced", str(path), str(calls)]
        subprocess.run([*words, "-o", str(trace), *work], check=True, timeout=300, cwd=ROOT)
        lags = sorted(_lags(trace.read_text(), path.name + "-wal"))
    return {
        "writes": len(lags),
        "p50_ms": round(lags[len(lags) // 2] * 1000, 1),
        "p99_ms": round(lags[int(len(lags) * 0.99)] * 1000, 1),
        "most_ms": round(lags[-1] * 1000, 1),
        "held": len(lags) >= calls and lags[-1] <= ALLOWED,
    }


def _lags(trace: str, wal: str) -> list[float]:
    """Return the seconds from each write of the log to the end of the fsync that covers it."""
    waiting: list[float] = []
    syncing: dict[str, list[float]] = {}
    lags: list[float] = []
    for line in trace.splitlines():
        found = LINE.match(line)
        if found is None:
            continue
        at, pid = float(found["at"]), found["pid"]
        if found["call"] == "pwrite64" and found["file"].endswith(wal):
            waiting.append(at)
        elif found["call"] in {"fsync", "fdatasync"} and found["file"].endswith(wal):
            syncing[pid], waiting = waiting, []
            if found["took"]:
                lags += [at + float(found["took"]) - one for one in syncing.pop(pid)]
        elif found["rest"] in {"fsync", "fdatasync"} and pid in syncing:
            lags += [at - one for one in syncing.pop(pid)]
    return lags + [float("inf")] * len(waiting)


if __name__ == "__main__":
    asyncio.run(traffic(Path(sys.argv[1]), int(sys.argv[2])))
