#!/usr/bin/env python3
"""Admissions per second and process, on SQLite or on a PostgreSQL server of our own.

Usage: ledger.py [postgres|sqlite] [--processes 1] [--parallel 32] [--seconds 5] [--caps] [--pace S]
       ledger.py postgres --race    (4 processes with 64 parallel calls each against one limit)

Every call is admitted and settled. The server is durable (fsync on, synchronous commit) and listens
on a unix socket in a temporary directory. Prints one JSON object.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from leash_addon.core.caps import Cap
from leash_addon.core.limits import NO_LIMITS, Ceiling, Limits
from leash_addon.core.money import Instant
from leash_addon.core.scopes import Scope, Target
from leash_addon.core.terms import NO_TERMS, Terms
from leash_addon.core.verdict import Allow
from leash_addon.core.windows import WindowKind
from leash_addon.ledger import LedgerWriter, new_call_id, open_ledger
from tests.ledger.postgres_server import running
from tests.ledger.world import make_ask, make_end

SCOPES = (Scope.USER, Scope.MODEL, Scope.TENANT, Scope.ALL)
CAPPED = Terms(
    caps=tuple(
        Cap(target=Target(per=(scope,)), window=WindowKind.DAY, ceiling=Ceiling(max_calls=10**9))
        for scope in SCOPES
    )
)
"""With the run's own, five scopes."""

RACE_LIMIT, RACE_ASKS = 150, 64


def now() -> Instant:
    """Read the clock."""
    return Instant(time.time_ns() // 1000)


@dataclass(kw_only=True)
class Seen:
    """What one process saw. Seconds; ``late``: how late a timer of a millisecond went off."""

    admitted: int = 0
    took: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    cpu: float = 0.0


async def beat(late: list[float]) -> None:
    """Note how long the loop is busy with something else."""
    while True:
        due = time.perf_counter() + 0.001
        await asyncio.sleep(0.001)
        late.append(time.perf_counter() - due)


async def admitting(db: str, args: argparse.Namespace) -> Seen:
    """Admit and settle calls until the time is over, as many at once as asked, or paced."""
    rng = random.SystemRandom()
    terms = CAPPED if args.caps else NO_TERMS
    writer = LedgerWriter(open_ledger(db, terms=terms), clock=now, rng=rng)
    await writer.start()
    run = "r1" if args.race else f"r{os.getpid()}"
    await writer.start_run(run, None if args.race else NO_LIMITS)
    until = time.monotonic() + args.seconds
    seen = Seen()

    async def client(most: int) -> None:
        for _ in range(most):
            if not args.race and time.monotonic() >= until:
                return
            name = new_call_id(now(), rng)
            began = time.perf_counter()
            verdict = await writer.admit(make_ask(name, run, tags={"user": run}))
            seen.took.append(time.perf_counter() - began)
            if isinstance(verdict, Allow):
                seen.admitted += 1
                writer.settle(make_end(name, 7, at=now()))
            if args.pace:
                await asyncio.sleep(args.pace * 2 * rng.random())

    heart, begun = asyncio.ensure_future(beat(seen.late)), time.process_time()
    clients = RACE_ASKS if args.race else args.parallel
    await asyncio.gather(*(client(1 if args.race else 10**9) for _ in range(clients)))
    seen.cpu = time.process_time() - begun
    heart.cancel()
    await writer.close()
    return seen


def work(db: str, args: argparse.Namespace, results: "multiprocessing.Queue[Seen]") -> None:
    """Run one process."""
    results.put(asyncio.run(admitting(db, args)))


@contextmanager
def database(kind: str) -> Iterator[str]:
    """Make an empty ledger."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            yield f"{folder}/leash.db"
    else:
        with running(durable=True) as server:
            yield server.create("ledger")


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="?", default="postgres", choices=("postgres", "sqlite"))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--parallel", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--caps", action="store_true", help="four caps beside the run's account")
    parser.add_argument("--pace", type=float, default=0, help="mean seconds between two calls")
    parser.add_argument("--race", action="store_true", help="4 x 64 calls against one limit")
    args = parser.parse_args()
    number = 4 if args.race else args.processes
    spawn = multiprocessing.get_context("spawn")
    with database(args.kind) as db, open_ledger(db) as ledger:
        if args.race:
            ledger.start_run("r1", Limits(max_calls=RACE_LIMIT), now=now())
        results = spawn.Queue()
        processes = [spawn.Process(target=work, args=(db, args, results)) for _ in range(number)]
        for process in processes:
            process.start()
        found = [results.get() for _ in processes]
        for process in processes:
            process.join()
        problems = len(ledger.fsck())
    took = sorted(each for seen in found for each in seen.took)
    late = sorted(each for seen in found for each in seen.late)
    clients = RACE_ASKS if args.race else args.parallel
    busy = max(sum(seen.took) for seen in found) / clients
    seconds = args.seconds if args.pace else busy
    print(
        json.dumps(
            {
                "database": args.kind,
                "processes": number,
                "scopes": 5 if args.caps else 1,
                "asked": len(took),
                "admitted": sum(seen.admitted for seen in found),
                "admissions_per_second_and_process": round(len(took) / number / seconds),
                "p50_ms": round(took[len(took) // 2] * 1000, 2),
                "p99_ms": round(took[len(took) * 99 // 100] * 1000, 2),
                "cpu_us_per_call": round(sum(seen.cpu for seen in found) / len(took) * 1e6),
                "loop_late_p99_ms": round(late[len(late) * 99 // 100] * 1000, 2),
                "loop_late_most_ms": round(late[-1] * 1000, 2),
                "problems": problems,
                "load_average": os.getloadavg()[0],
            }
        )
    )


if __name__ == "__main__":
    main()
