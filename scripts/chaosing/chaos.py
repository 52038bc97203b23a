"""Runs the experiments one after the other and prints one JSON object of their figures."""

import argparse
import json
import sys
import time
from collections.abc import Callable

from scripts.chaosing import budgets, outage, proxied
from scripts.chaosing.asleep import asleep
from scripts.chaosing.faults import clock, full, stopped
from scripts.chaosing.kills import kills
from scripts.chaosing.race import cap_race
from scripts.chaosing.synced import synced
from tests.ledger.postgres_server import why_not

type Figures = dict[str, object]
type Experiment = Callable[[], Figures]

WHOLE: dict[str, Experiment] = {
    "race": cap_race,
    "hard": budgets.hard,
    "expected": budgets.expected,
    "stopped": stopped,
    "clock": clock,
    "full": full,
    "synced": synced,
    "proxied_hard": proxied.hard,
    "proxied_expected": proxied.expected,
    "proxied_race": proxied.cap_race,
    "proxied_full": outage.full,
    "kills": kills,
    "postgres_race": lambda: proxied.cap_race(postgres=True),
    "postgres_outage": outage.outage,
    "postgres_asleep": asleep,
    "postgres_kills": lambda: kills(postgres=True),
}
QUICK: dict[str, Experiment] = WHOLE | {
    "hard": lambda: budgets.hard(100),
    "expected": lambda: budgets.expected(100),
    "stopped": lambda: stopped(4),
    "clock": lambda: clock(200),
    "synced": lambda: synced(60),
    "proxied_hard": lambda: proxied.hard(100),
    "proxied_expected": lambda: proxied.expected(30),
    "proxied_race": lambda: proxied.cap_race(calls=600),
    "proxied_full": lambda: outage.full(2),
    "kills": lambda: kills(30),
    "postgres_race": lambda: proxied.cap_race(calls=600, postgres=True),
    "postgres_outage": lambda: outage.outage(2),
    "postgres_kills": lambda: kills(30, postgres=True),
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
        figures[name] = _figures(name, (QUICK if asked.quick else WHOLE)[name])
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(json.dumps(figures, indent=2))
    return 0 if all(found["held"] for found in figures.values()) else 1


def _figures(name: str, experiment: Experiment) -> Figures:
    if name.startswith("postgres") and (why := why_not()) is not None:
        return {"skipped": why, "held": True}
    try:
        return experiment()
    except AssertionError as error:
        return {"held": False, "why": str(error) or "a claim did not hold"}


if __name__ == "__main__":
    sys.exit(main())
