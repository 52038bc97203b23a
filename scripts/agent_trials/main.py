"""Runs the trials of the agents that are asked for and prints them as one table."""

import argparse
import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from scripts.agent_trials import trials
from scripts.agent_trials.install import cache
from scripts.agent_trials.programs import PROGRAMS, Program
from scripts.agent_trials.trials import Row


def version(program: Program) -> str:
    """Return what a program says its version is."""
    words = [*program.executable(cache()), *program.version]
    home = {"HOME": str(cache()), "PATH": "/usr/local/bin:/usr/bin:/bin"}
    said = subprocess.run(words, text=True, capture_output=True, env=home, timeout=60, check=False)
    numbers = [word for word in said.stdout.split() if word[:1].isdigit()]
    return numbers[0] if numbers else "?"


def holds(row: Row) -> bool:
    """Tell whether every claim of a trial held."""
    return all(value for value in row.values() if isinstance(value, bool))


def cell(row: Row | None) -> str:
    """Return one cell of the table."""
    if row is None:
        return "-"
    failed = [name for name, value in row.items() if value is False]
    figures = [f"{value} {name}" for name, value in row.items() if not isinstance(value, bool)]
    return ", ".join(["yes" if not failed else "NO: " + "; ".join(failed), *figures])


def main() -> int:
    """Try; 1 when a claim did not hold."""
    parser = argparse.ArgumentParser(prog="scripts/agents")
    parser.add_argument("--only", nargs="+", choices=[one.name for one in PROGRAMS])
    parser.add_argument("--trials", default="abcdef", help="some of a b c d e f")
    parser.add_argument("--json", type=Path, help="write the rows to this file, too")
    asked = parser.parse_args()
    wanted = [one for one in PROGRAMS if not asked.only or one.name in asked.only]
    found: dict[str, Row] = {}
    print(f"measured {datetime.now(UTC):%Y-%m-%d}\n")
    print("| agent | plain turn | tool loop at 3 calls | killed in a stream | screened |")
    print("|---|---|---|---|---|")
    for program in wanted:
        per = {"a": trials.plain_turn, "b": trials.tool_loop}
        if program.package:
            per["c"] = trials.killed_in_stream  # the SDK scripts do not stream
            per["f"] = trials.screened_turns  # and have no prompts of their own
        rows = {name: trial(program) for name, trial in per.items() if name in asked.trials}
        found |= {f"{program.name} {name}": row for name, row in rows.items()}
        cells = " | ".join(cell(rows.get(name)) for name in "abcf")
        print(f"| {program.name} {version(program)} | {cells} |", flush=True)
    found |= together(wanted, asked.trials)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0 if all(holds(row) for row in found.values()) else 1


def together(wanted: list[Program], letters: str) -> dict[str, Row]:
    """Run the trials of two agents, and of codex by WebSocket."""
    found: dict[str, Row] = {}
    agents = [one for one in wanted if one.package]
    if "d" in letters and len(agents) > 1:
        name = f"{agents[0].name} and {agents[1].name} under one cap of 6 calls"
        found[name] = trials.shared_cap(agents[0], agents[1])
    codex = next((one for one in agents if one.name == "codex"), None)
    if "e" in letters and codex is not None:
        for how in ("meter", "downgrade"):
            found[f"codex --websocket {how}"] = trials.websocket(codex, how)
    for name, row in found.items():
        print(f"\n{name}: {cell(row)}")
    return found


if __name__ == "__main__":
    sys.exit(main())
