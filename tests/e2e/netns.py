"""Two network namespaces with a wire between them: a lab of agents, and the gateway it leads to.

The lab's only way out is the gateway. Both know the names of a made internet whose servers live
on the gateway's own loopback, so that nothing ever leaves the machine.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LAB_WIRE, GATE_WIRE = "agents0", "lab0"
GATE, AGENT = "10.9.0.1", "10.9.0.7"
OPENAI, EXAMPLE, ELSEWHERE = "162.159.140.245", "23.192.228.80", "23.215.0.136"
"""Public addresses, given to the gateway's loopback: only such ones may be reached."""

NAMES = f"127.0.0.1 localhost\n{OPENAI} api.openai.com\n{EXAMPLE} example.com\n"
ETC = Path("/etc/netns")


@dataclass(frozen=True, kw_only=True)
class Lab:
    """The names of the two namespaces."""

    agents: str
    gate: str

    def within(self, space: str, *words: str | Path) -> list[str]:
        """Return the command that runs another one in a namespace."""
        return ["ip", "netns", "exec", space, *map(str, words)]


def why_not(*programs: str) -> str | None:
    """Say why namespaces cannot be made here; ``None`` when they can."""
    if os.geteuid() != 0:
        return "network namespaces want root"
    for program in ("ip", *programs):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    name = f"leash-try-{os.getpid()}"
    done = _run("ip", "netns", "add", name, check=False)
    if done.returncode != 0:
        return f"no network namespace can be made: {done.stderr.strip()}"
    _run("ip", "netns", "del", name)
    return None


@contextmanager
def lab() -> Iterator[Lab]:
    """Lay the wire; everything is gone afterwards."""
    made = Lab(agents=f"leash-agents-{os.getpid()}", gate=f"leash-gate-{os.getpid()}")
    spaces = (made.agents, made.gate)
    try:
        for space in spaces:
            _run("ip", "netns", "add", space)
            (ETC / space).mkdir(parents=True, exist_ok=True)
            (ETC / space / "hosts").write_text(NAMES)
            _run("ip", "-n", space, "link", "set", "lo", "up")
        for address in (OPENAI, EXAMPLE, ELSEWHERE):
            _run("ip", "-n", made.gate, "address", "add", f"{address}/32", "dev", "lo")
        ends = ("name", LAB_WIRE, "netns", made.agents, "type", "veth")
        _run("ip", "link", "add", *ends, "peer", "name", GATE_WIRE, "netns", made.gate)
        for space, wire, address in (
            (made.agents, LAB_WIRE, AGENT),
            (made.gate, GATE_WIRE, GATE),
        ):
            _run("ip", "-n", space, "address", "add", f"{address}/24", "dev", wire)
            _run("ip", "-n", space, "link", "set", wire, "up")
        _run("ip", "-n", made.agents, "route", "add", "default", "via", GATE)
        yield made
    finally:
        for space in spaces:
            _run("ip", "netns", "del", space, check=False)
            shutil.rmtree(ETC / space, ignore_errors=True)


def _run(
    *words: str, check: bool = True, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, check=check, env=env, capture_output=True, text=True, timeout=60)
