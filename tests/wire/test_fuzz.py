"""The fuzzer itself: it runs, and it notices a broken promise."""

import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).resolve().parents[2] / "scripts" / "fuzzing" / "fuzz.py"


@pytest.mark.long
def test_every_target_holds() -> None:
    """Every fuzz target keeps its promises for some seconds."""
    command = [sys.executable, str(FUZZ), "--seconds", "3", "--engine", "hypothesis"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "fuzz: 7 of 7 targets held")


BREAK_IT = """
import sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/fuzzing"]
import fuzz
from leash_addon.wire.framing import sse
sse.Sse._ends = lambda self, chunk: b"\\n\\n" in chunk
fuzz.by_hypothesis("framers", 60)
"""


@pytest.mark.long
def test_a_broken_framer_is_found() -> None:
    """A framer that misses a blank line which a cut divides fails within a minute."""
    command = [sys.executable, "-c", BREAK_IT, str(FUZZ.parents[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "events differ by cut" in done.stderr) == (1, True)
