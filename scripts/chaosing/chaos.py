"""Runs the experiments one after the other and prints one JSON object of their figures."""

import argparse
import json
import sys
import time
from collections.abc import Callable

from scripts.chaosing.budgets import expected, hard
from scripts.chaosing.faults import clock, full, stopped
from scripts.chaosing.kills import kills
from scripts.chaosing.race import cap_race
from scripts.chaosing.synced import synced

type Figures = dict[str, object]

WHOLE: dict[str, Callable[[], Figures]] = {
    "race": cap_race,
    "hard": hard,
    "expected": expected,
    "stopped": stopped,
    "clock": clock,
    "full": full,
    "synced": synced,
    "kills": kills,
}
QUICK: dict[str, Callable[[], Figures]] = WHOLE | {
    "hard": lambda: hard(100),
    "expected": lambda: expected(100),
    "stopped": lambda: stopped(4),
    "clock": lambda: clock(200),
    "synced": lambda: synced(60),
    "kills": lambda: kills(30),
}


def main() -> int:
    """Run what was asked for; return 1 when a claim did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the rounds")
    parser.add_argument("--only", nargs="+", choices=WHOLE, default=list(WHOLE))
    asked = parser.parse_args()
    figures: dict[str, Figures] = {}
    for name in asked.only:
        began = time.monotonic()
        figures[name] = _figures((QUICK if asked.quick else WHOLE)[name])
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(json.dumps(figures, indent=2))
    return 0 if all(found["held"] for found in figures.values()) else 1


def _figures(experiment: Callable[[], Figures]) -> Figures:
    try:
        return experiment()
    except AssertionError as error:
        return {"held": False, "why": str(error) or "a claim did not hold"}


if __name__ == "__main__":
    sys.exit(main())
