"""``leash doctor``: what it finds on a sound machine, and on one that is not."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.cli.world import Leash


def programs(folder: Path, *names: str) -> str:
    """Make a PATH with these programs alone; return it."""
    place = folder / "bin"
    place.mkdir(exist_ok=True)
    for name in names:
        found = sys.executable if name == "python3" else shutil.which(name)
        if found is not None and not (place / name).exists():
            (place / name).symlink_to(Path(found).resolve())
    return str(place)


def test_a_sound_machine_passes_and_a_program_is_known(leash: Leash) -> None:
    """Checks pass, a program in Python is governed, and what is known of an agent is told."""
    path = programs(leash.folder, "python3", "sh")
    agent = Path(path) / "claude"
    agent.write_text("#!/bin/sh\necho 2.1.330\n")
    agent.chmod(0o755)
    done = leash("doctor", "--json", "--", "claude", PATH=path, PYTHONPATH="")
    rows = {row["check"]: row for row in done.json}
    assert done.code == 0
    assert rows["Python, urllib"]["verdict"] == "ok"
    assert rows["Node, fetch"] == {
        "check": "Node, fetch",
        "verdict": "-",
        "why": "node is not installed",
    }
    assert rows["refusal"]["why"] == "a final stop is answered with 400"
    assert next(row["why"] for row in done.json if row["check"] == "claude") == "2.1.330"
    assert "doctor" not in leash("ps", "--all").out


def test_what_is_wrong_fails_with_its_mend(leash: Leash) -> None:
    """A ledger that others may read and an agent that is not there fail, each saying why."""
    leash.agent("--run", "before", calls=1)
    ledger = leash.folder / "home" / ".leash" / "leash.db"
    ledger.chmod(0o644)
    try:
        done = leash("doctor", "--", "no-such-agent", PATH=programs(leash.folder, "sh"))
    finally:
        ledger.chmod(0o600)
    lines = {line.split("  ")[0]: line for line in done.out.splitlines()}
    assert done.code == 1
    assert "chmod go-rwx mends it" in lines["permissions"]
    assert "it is not on the PATH" in lines["no-such-agent"]


@pytest.mark.long
def test_every_runtime_that_is_installed_is_governed(leash: Leash) -> None:
    """No runtime on this machine's own PATH fails its probe."""
    rows = leash("doctor", "--json").json
    assert [row for row in rows if row["verdict"] == "fail"] == []
