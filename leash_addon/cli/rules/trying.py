"""``leash rules test FILE...``: what fires in files of one's own, and where."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import click
import msgspec

from leash_addon.cli.options import json_option
from leash_addon.cli.rules.sources import chosen_engine, pack_options, sensitivity_option
from leash_addon.core.part import Part
from leash_addon.errors import UsageError
from leash_addon.screen.engine import Engine
from leash_addon.screen.finding import Finding

FIRED: Final = 1
EXCERPT: Final = 120
EXAMPLES = """\b
Examples:
  leash rules test README.md docs/*.md
  curl -s https://example.com/ | leash rules test --part tool_result -
"""


class Hit(msgspec.Struct):
    """A finding in a file. ``start``, ``end``: characters from 0; ``line``, ``column``: from 1."""

    file: str
    line: int
    column: int
    start: int
    end: int
    rule: str
    severity: int
    view: str
    excerpt: str


@click.command("test", epilog=EXAMPLES)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--part",
    type=click.Choice([each.value for each in Part]),
    default=Part.TOOL_RESULT.value,
    show_default=True,
    help="Read the files as this part of a request.",
)
@sensitivity_option
@pack_options
@json_option
def test_(
    *,
    files: Sequence[str],
    part: str,
    sensitivity: str | None,
    packs: Sequence[str],
    config: Path | None,
    as_json: bool,
) -> int:
    """Screen the texts of FILEs (- is standard input); show what fires, with its place.

    The exit code is 1 if anything fired.
    """
    engine = chosen_engine(config, packs, sensitivity)
    hits = [hit for name in files for hit in _hits(engine, name, Part(part))]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(hits)))
    for hit in () if as_json else hits:
        view = f" ({hit.view})" if hit.view else ""
        place = f"{hit.file}:{hit.line}:{hit.column}"
        click.echo(f"{place}: {hit.rule} severity {hit.severity}{view}: {hit.excerpt!r}")
    return FIRED if hits else 0


def _hits(engine: Engine, name: str, part: Part) -> Iterator[Hit]:
    text = _read(name)
    for found in engine.screen(text, part):
        yield _hit(name, text, found)


def _hit(name: str, text: str, found: Finding) -> Hit:
    before = text[: found.start]
    return Hit(
        file=name,
        line=before.count("\n") + 1,
        column=found.start - (before.rfind("\n") + 1) + 1,
        start=found.start,
        end=found.end,
        rule=found.rule,
        severity=found.severity,
        view=found.view,
        excerpt=text[found.start : found.end][:EXCERPT],
    )


def _read(name: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        msg = f"{name}: cannot be read ({error.strerror})"
        raise UsageError(msg) from None
    return raw.decode(errors="replace")
