"""Which process of the wrapped command a connection comes from, and who its ancestors are.

Linux only: the connection's socket is found in ``/proc/net/tcp`` by its two ports, and the process
among our own descendants that has it open. Names are the kernel's ``comm``, at most 15 characters;
arguments are never read: they may hold prompts and keys.
https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html,
https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html (2026-11)
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TABLES = ("net/tcp", "net/tcp6")
DEEPEST = 16
"""Ancestors that are named; of a longer line the nearest."""

LONGEST = 200
"""Characters of a line of ancestors."""

_STAT = re.compile(r"\d+ \((.*)\) \S (\d+)", re.DOTALL)
_ODD = re.compile(r"[^A-Za-z0-9._+-]")


@dataclass(frozen=True, slots=True)
class Process:
    """One process. ``name``: of its executable, as the kernel keeps it."""

    pid: int
    parent: int
    name: str


def lineage(
    client_port: int, proxy_port: int, *, root: int, proc: Path = PROC, within: int | None = None
) -> str:
    """Return who opened a connection: ``bash[41]/node[57]``, ancestors first; "" when not known.

    ``root``: the process id of leash itself, whose descendants are looked at. ``within``: a process
    in whose network the ports are; ``None``: ours. Reads files, some milliseconds' worth: not for
    the event loop.
    """
    try:
        network = proc if within is None else proc / str(within)
        sockets = _sockets(client_port, proxy_port, network)
        known = dict(_processes(proc))
    except OSError:
        return ""
    for process in _descendants(known, root):
        if sockets and _holds(process, sockets, proc):
            return written(_line(process, known, root))
    return ""


def written(line: list[Process]) -> str:
    """Write ancestors and process; the furthest are left out of a line that is too long."""
    while line:
        text = "/".join(f"{_ODD.sub('_', one.name)}[{one.pid}]" for one in line)
        if len(text) <= LONGEST:
            return text
        line = line[1:]
    return ""


def _sockets(client_port: int, proxy_port: int, network: Path) -> frozenset[str]:
    """Name the sockets with these ports as their links in ``/proc/PID/fd`` do."""
    found = set[str]()
    for table in TABLES:
        try:
            rows = (network / table).read_text().splitlines()[1:]
        except FileNotFoundError:  # no IPv6
            continue
        for row in rows:
            words = row.split()
            ports = tuple(int(words[at].rpartition(":")[2], 16) for at in (1, 2))
            if ports == (client_port, proxy_port):
                found.add(f"socket:[{words[9]}]")
    return frozenset(found)


def _processes(proc: Path) -> Iterator[tuple[int, Process]]:
    for entry in os.scandir(proc):
        if not entry.name.isdecimal():
            continue
        try:
            stat = _STAT.match(Path(entry.path, "stat").read_text(errors="replace"))
        except OSError:  # it has ended meanwhile
            continue
        if stat is not None:
            pid = int(entry.name)
            yield pid, Process(pid, int(stat[2]), stat[1])


def _descendants(known: Mapping[int, Process], root: int) -> list[Process]:
    return [one for one in known.values() if one.pid != root and _line(one, known, root)]


def _line(process: Process, known: Mapping[int, Process], root: int) -> list[Process]:
    """Return a process behind its ancestors up to ``root``, which is left out; [] if not of it."""
    line = [process]
    while line[0].parent != root:
        parent = known.get(line[0].parent)
        if parent is None or len(line) == DEEPEST:
            return []
        line.insert(0, parent)
    return line


def _holds(process: Process, sockets: frozenset[str], proc: Path) -> bool:
    try:
        opened = (proc / str(process.pid) / "fd").iterdir()
        links = [str(each.readlink()) for each in opened]
    except OSError:
        return False
    return not sockets.isdisjoint(links)
