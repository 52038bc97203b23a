"""Runs each fuzz target for some seconds, by atheris where it is installed, else by hypothesis."""

import argparse
import contextlib
import importlib
import importlib.util
import itertools
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

MAX_LENGTH = 2048
ROUND = 500
"""Examples of hypothesis between two looks at the clock."""


def main() -> int:
    """Run the targets that were asked for, each in a process of its own; 1 if any failed."""
    asked = arguments()
    if asked.one:
        run_one(asked.one, asked.engine, asked.seconds)
        return 0
    failed = [name for name in asked.target if not passes(name, asked.engine, asked.seconds)]
    print(f"fuzz: {len(asked.target) - len(failed)} of {len(asked.target)} targets held")
    return 1 if failed else 0


def arguments() -> argparse.Namespace:
    """Read the command line."""
    from fuzzing.targets import TARGETS  # noqa: PLC0415 - the path to it is set just above

    engine = "atheris" if importlib.util.find_spec("atheris") else "hypothesis"
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="how long each target runs")
    parser.add_argument("--target", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--engine", choices=["atheris", "hypothesis"], default=engine)
    parser.add_argument("--one", choices=TARGETS, help=argparse.SUPPRESS)
    return parser.parse_args()


def passes(name: str, engine: str, seconds: int) -> bool:
    """Run a target in a process of its own: atheris ends the process that it runs in."""
    print(f"fuzz: {name}, {engine}, {seconds} s", flush=True)
    command = [sys.executable, __file__, "--one", name, "--engine", engine]
    done = subprocess.run(
        [*command, "--seconds", str(seconds)], capture_output=True, text=True, check=False
    )
    tail = (done.stdout + done.stderr).splitlines()
    print(
        "\n".join(
            tail[-40:]
            if done.returncode
            else [line for line in tail if "xamples" in line or "runs in" in line]
        )
    )
    return done.returncode == 0


def run_one(name: str, engine: str, seconds: int) -> None:
    """Run one target; a broken promise raises."""
    {"atheris": by_atheris, "hypothesis": by_hypothesis}[engine](name, seconds)


def by_atheris(name: str, seconds: int) -> None:
    """Let coverage lead the way."""
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["leash_addon"]):
        from fuzzing.targets import TARGETS  # noqa: PLC0415 - imported under instrumentation
    flags = [f"-max_total_time={seconds}", f"-max_len={MAX_LENGTH}", "-verbosity=1"]
    atheris.Setup([sys.argv[0], *flags], TARGETS[name])
    atheris.Fuzz()


def by_hypothesis(name: str, seconds: int) -> None:
    """Generate at random, round after round, until the time is up."""
    from fuzzing.targets import TARGETS, WORDS  # noqa: PLC0415 - as above
    from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: PLC0415
    from hypothesis import strategies as st  # noqa: PLC0415

    words = st.lists(st.integers(0, len(WORDS) - 1), max_size=40).map(bytes)
    program = st.tuples(st.binary(min_size=3, max_size=3), words | st.binary(max_size=200))
    rounds = itertools.count()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        run = given(program)(lambda parts: TARGETS[name](b"".join(parts)))
        run = settings(
            max_examples=ROUND,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )(run)
        seed(next(rounds))(run)()
    print(f"{next(rounds) * ROUND} examples")


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
