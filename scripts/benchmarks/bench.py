"""The figures of ``scripts/bench``: each a ratio or a difference from this one run.

Servers that are compared run at the same time and are loaded in turns, A B A B, so that a drift
of the machine falls on both; the median of the turns is kept.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from fill import fill
from micro import micro
from screening import screening
from servers import BIN, HERE, free_port, leash, mitmdump, resident_kb, running, trimmed, upstream
from sessions import session

type Figures = dict[str, object]
type Loaded = dict[str, float]


class Lab:
    """One temporary home, one instant provider, and the servers under test beside each other."""

    def __init__(self, home: Path, stack: ExitStack, turns: int, seconds: float) -> None:
        """Start the provider."""
        self.home, self.stack, self.turns, self.seconds = home, stack, turns, seconds
        self.provider = free_port()
        self.start(upstream(self.provider), self.provider)

    def start(self, command: list[str], port: int) -> subprocess.Popen[bytes]:
        """Start a server that ends with the lab."""
        return self.stack.enter_context(running(command, port, self.home))

    def leash(self, database: Path, *flags: str) -> tuple[int, subprocess.Popen[bytes]]:
        """Start ``leash serve`` on a database."""
        port = free_port()
        return port, self.start(leash(port, self.provider, database, *flags), port)

    def mitmdump(self, *, stream: bool = False) -> int:
        """Start stock mitmdump."""
        port = free_port()
        self.start(mitmdump(port, self.provider, self.home, stream=stream), port)
        return port

    def trimmed(self) -> int:
        """Start the trimmed Master without leash."""
        port = free_port()
        self.start(trimmed(port, self.provider), port)
        return port

    def load(self, port: int, connections: int, *more: str) -> Loaded:
        """Load one server and return what the generator saw."""
        command = [sys.executable, str(HERE / "load.py"), "--proxy", f"127.0.0.1:{port}"]
        command += ["--connections", str(connections), "--seconds", str(self.seconds), *more]
        done = subprocess.run(command, check=True, capture_output=True)
        seen: Loaded = json.loads(done.stdout)
        if seen["errors"] or not seen["calls"]:
            msg = f"{seen['errors']:.0f} errors through port {port}: {seen['first_error']}"
            raise RuntimeError(msg)
        return seen

    def in_turns(self, a: int, b: int, connections: int, field: str, *more: str) -> list[float]:
        """Return the medians of one field for two servers, loaded in turns."""
        seen: dict[int, list[float]] = {a: [], b: []}
        for port in (a, b):
            self.load(port, connections, *more)  # warm up
        for _ in range(self.turns):
            for port in (a, b):
                seen[port].append(self.load(port, connections, *more)[field])
        return [statistics.median(seen[a]), statistics.median(seen[b])]


def throughput(lab: Lab) -> Figures:
    """Measure (a) calls/s of ``leash serve`` against bare mitmdump; all settled, fsck clean."""
    database = lab.home / "throughput.db"
    ours, _ = lab.leash(database)
    theirs = lab.mitmdump()
    figures: Figures = {}
    for name, more in (("plain", ()), ("tls", ("--tls",))):
        for connections in (1, 16):
            a, b = lab.in_turns(ours, theirs, connections, "calls_per_second", *more)
            figures[f"{name}_{connections}"] = {
                "leash": a,
                "mitmdump": b,
                "ratio": round(a / b, 2),
            }
    time.sleep(1)
    figures["ledger"] = ledger_is_clean(lab, database)
    return figures


def ledger_is_clean(lab: Lab, database: Path) -> Figures:
    """Return what the ledger says after the load: nothing open, and fsck."""
    environment = {**os.environ, "HOME": str(lab.home)}
    ask = [str(BIN / "leash"), "inspect", "default", "--json", "--db", str(database)]
    run = json.loads(subprocess.check_output(ask, env=environment))
    check = [str(BIN / "leash"), "fsck", "--db", str(database)]
    clean = subprocess.run(check, env=environment, check=False, capture_output=True)
    return {"calls": run["calls"], "open": run["open_calls"], "fsck_clean": clean.returncode == 0}


def latency(lab: Lab) -> Figures:
    """(b) p50 per call that leash adds to the trimmed Master, one connection."""
    ours, _ = lab.leash(lab.home / "latency.db")
    bare = lab.trimmed()
    figures: Figures = {}
    for name, more in (("plain", ()), ("tls", ("--tls",))):
        a, b = lab.in_turns(ours, bare, 1, "p50_ms", *more)
        figures[name] = {"leash_ms": a, "trimmed_ms": b, "added_ms": round(a - b, 3)}
    return figures


def journal(lab: Lab) -> Figures:
    """(c) p50 per call with a journal of 100,000 entries against an empty one."""
    long_one = lab.home / "long.db"
    fill(long_one, 100_000)
    full, _ = lab.leash(long_one)
    empty, _ = lab.leash(lab.home / "empty.db")
    a, b = lab.in_turns(full, empty, 1, "p50_ms")
    return {"entries": 100_000, "full_ms": a, "empty_ms": b, "ratio": round(a / b, 3)}


def streams(lab: Lab) -> Figures:
    """(d) SSE events/s against mitmdump that streams: 100 streams, as fast as they go."""
    ours, _ = lab.leash(lab.home / "streams.db")
    theirs = lab.mitmdump(stream=True)
    more = ("--stream", "100", "0.01")
    a, b = lab.in_turns(ours, theirs, 100, "events_per_second", *more)
    return {"leash": a, "mitmdump": b, "ratio": round(a / b, 2)}


def steps(_lab: Lab) -> Figures:
    """Measure single steps: a chunk, an answer, a request, an admission and its settlement."""
    return dict(micro())


def memory(lab: Lab) -> Figures:
    """(e) resident memory with 200 open streams, against the same process idle."""
    ours, process = lab.leash(lab.home / "memory.db")
    lab.load(ours, 4)
    idle = resident_kb(process.pid)
    command = [sys.executable, str(HERE / "load.py"), "--proxy", f"127.0.0.1:{ours}", "--seconds"]
    command += ["1", "--connections", "200", "--stream", "40", "0.25"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as generator:
        time.sleep(7)
        busy = resident_kb(process.pid)
        generator.wait()
    return {"idle_mb": round(idle / 1024, 1), "with_200_streams_mb": round(busy / 1024, 1)}


def workers(lab: Lab) -> Figures:
    """Load two workers and one; the generator and the provider share the cores with them."""
    two, _ = lab.leash(lab.home / "two.db", "--workers", "2")
    one, _ = lab.leash(lab.home / "one.db")
    a, b = lab.in_turns(two, one, 32, "calls_per_second")
    return {"two": a, "one": b, "ratio": round(a / b, 2), "cores": os.cpu_count()}


def sessions(_lab: Lab) -> Figures:
    """Measure what screening adds to a call that resends 500 kB, and how it holds the loop."""
    return dict(session())


def texts(_lab: Lab) -> Figures:
    """Measure screening: new text per second, and hostile texts."""
    return dict(screening())


MEASURES: dict[str, Callable[[Lab], Figures]] = {
    "throughput": throughput,
    "latency": latency,
    "journal": journal,
    "streams": streams,
    "memory": memory,
    "workers": workers,
    "micro": steps,
    "sessions": sessions,
    "screening": texts,
}


def main() -> None:
    """Run the measures that were asked for and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short turn of each")
    parser.add_argument("--only", nargs="+", choices=list(MEASURES), default=list(MEASURES))
    args = parser.parse_args()
    turns, seconds = (1, 1.5) if args.quick else (5, 4.0)
    report: dict[str, object] = {
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
    }
    for name in args.only:
        print(f"bench: {name} ...", file=sys.stderr)
        with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
            report[name] = MEASURES[name](Lab(Path(place), stack, turns, seconds))
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
