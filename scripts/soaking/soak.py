"""Runs what was asked for and prints one JSON object of its figures."""

import argparse
import json
import sys
import time
from collections.abc import Callable

from scripts.soaking.socket import socket
from scripts.soaking.streams import streams

type Figures = dict[str, object]

WHOLE: dict[str, Callable[[], Figures]] = {"streams": streams, "socket": socket}
QUICK: dict[str, Callable[[], Figures]] = {
    "streams": lambda: streams(50, seconds=30, warm=10),
    "socket": lambda: socket(1_000),
}


def main() -> int:
    """Return 1 when a claim did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="too short to say much of memory")
    parser.add_argument("--only", nargs="+", choices=WHOLE, default=list(WHOLE))
    asked = parser.parse_args()
    figures: dict[str, Figures] = {}
    for name in asked.only:
        began = time.monotonic()
        figures[name] = (QUICK if asked.quick else WHOLE)[name]()
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    print(json.dumps(figures, indent=2))
    return 0 if all(found["held"] for found in figures.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
