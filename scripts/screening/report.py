"""Recall, false alarms and speed of the shipped rules on a corpus, in three sensitivities."""

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from corpus import CODE, MissingCorpusError, Row, find, rows
from tables import MEGA, Judged, by, ordinary, summary

from leash_addon.config.automata import Automata
from leash_addon.config.rules import load_packs
from leash_addon.screen.engine import Engine
from leash_addon.screen.sensitivity import Sensitivity


def measure(texts: Sequence[Row], level: Sensitivity) -> tuple[list[bool], float]:
    """Screen every text; return which fire, and megabytes a second of one core's time."""
    kept = Automata(Path.home() / ".leash").kept
    engine = Engine(load_packs(["injection"], Path()), sensitivity=level, kept=kept)
    if not engine.is_built:
        print(f"{level}: slower than it could be; first `leash rules compile`", file=sys.stderr)
    began = time.process_time()
    fired = [bool(engine.screen(each.text, each.part)) for each in texts]
    seconds = time.process_time() - began
    return fired, sum(each.octets for each in texts) / MEGA / seconds


def judge(
    texts: Sequence[Row], levels: Sequence[Sensitivity]
) -> tuple[list[Judged], dict[Sensitivity, float]]:
    """Screen the texts at each sensitivity."""
    measured = {level: measure(texts, level) for level in levels}
    judged = [
        Judged(row=row, fires=frozenset(level for level in levels if measured[level][0][n]))
        for n, row in enumerate(texts)
    ]
    return judged, {level: speed for level, (_, speed) in measured.items()}


def report(judged: Sequence[Judged], speeds: dict[Sensitivity, float]) -> Iterable[str]:
    """Yield the tables, a blank line between."""
    levels = list(speeds)
    worded = [each for each in judged if each.row.attack and not each.row.contextual]
    benign = ordinary(judged)
    yield from summary(judged, speeds)
    yield "\nRecall of the non-contextual attacks:\n"
    yield from by("kind", worded, levels, lambda row: row.kind, 1)
    yield ""
    yield from by("family", worded, levels, lambda row: row.family, 1)
    yield ""
    yield from by("language", worded, levels, lambda row: row.lang, 1)
    yield "\nFalse alarms on user and tool_result texts:\n"
    yield from by("kind", benign, levels, lambda row: row.kind, 2)
    yield ""
    yield from by("language", benign, levels, lambda row: row.lang, 2)
    yield ""
    code = [each for each in benign if each.row.kind == CODE]
    yield from by("family of code", code, levels, lambda row: row.family, 2)


def main() -> int:
    """Print the report; 2 where there is no corpus."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", help="where the corpus is; else $LEASH_CORPUS")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="take each Nth text")
    parser.add_argument("--sensitivity", type=Sensitivity, choices=list(Sensitivity), nargs="+")
    parser.add_argument("--source", action="store_true", help="recall by source too")
    args = parser.parse_args()
    try:
        texts = list(rows(find(args.folder), args.every))
    except MissingCorpusError as error:
        sys.stderr.write(f"screening-report: {error}\n")
        return 2
    levels = args.sensitivity or list(Sensitivity)
    judged, speeds = judge(texts, levels)
    print("\n".join(report(judged, speeds)))
    if args.source:
        attacks = [each for each in judged if each.row.attack]
        print("\n" + "\n".join(by("source", attacks, levels, lambda row: row.source, 1)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
