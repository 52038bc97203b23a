"""``leash demo`` in an empty home: no key, no network, and the lines that the README shows."""

import json
import re
from pathlib import Path

from tests.e2e.house import House

LINES = [f"call {number} -> {200 if number < 5 else 429}" for number in range(1, 11)]


def test_the_demo_stops_a_loop_at_the_fifth_call(tmp_path: Path) -> None:
    """Four calls of 2.5 cents pass, six are refused, the exit code is 3, and ps shows the run."""
    house = House(root=tmp_path)
    done = house.leash("demo")
    out = done.out.splitlines()
    [run] = re.findall(
        r"^stopped run (\S+) after 4 calls, \$0\.10 \(cost_budget\)$", *joined(done.said)
    )
    assert (done.code, out[: len(LINES)]) == (3, LINES)
    [row] = [line.split() for line in out if line.startswith(run)]
    assert row[1:4] == ["stopped", "cost_budget", "4"]
    [listed] = json.loads(house.leash("ps", "--json").out)
    assert (listed["run"], listed["reason"], listed["total_cost_pico"]) == (
        run,
        "cost_budget",
        100_000_000_000,
    )
    assert house.problems() == []


def joined(lines: list[str]) -> tuple[str, re.RegexFlag]:
    """Return the lines as one text, to be searched line by line."""
    return "\n".join(lines), re.MULTILINE
