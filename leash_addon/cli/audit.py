"""``leash audit``: what recorded traffic used and cost, by the live path's own code."""

import os
import time
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click
import msgspec

from leash_addon.audit.booking import Booking
from leash_addon.audit.check import Check
from leash_addon.audit.cuts import CUTTERS, pieces
from leash_addon.audit.exchange import Bad, Read
from leash_addon.audit.measure import Auditor
from leash_addon.audit.report import Tally, as_json, table
from leash_addon.audit.result import Result
from leash_addon.audit.sources import read_paths
from leash_addon.audit.truth import read_truth
from leash_addon.config.load import load
from leash_addon.config.packs import load_providers
from leash_addon.config.prices import load_prices
from leash_addon.core.money import Instant
from leash_addon.errors import UsageError

EXAMPLES = """\b
Examples:
  leash audit session.har
  leash audit --json recordings/ > calls.jsonl
  leash audit traffic.jsonl.gz --check truth.jsonl.gz --require 99.5
"""


@click.command(epilog=EXAMPLES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_lines", is_flag=True, help="Print one JSON object per exchange.")
@click.option(
    "--check",
    "truth",
    type=click.Path(path_type=Path),
    metavar="TRUTH",
    help="Compare with a truth file (JSON lines) and print the agreement per format.",
)
@click.option(
    "--require",
    metavar="PERCENT",
    help="With --check: exit with 1 if less than so much agrees.",
)
@click.option("--verbose", is_flag=True, help="With --check: name what differs, call by call.")
@click.option(
    "--cuts",
    type=click.Choice([*CUTTERS, "even"]),
    default="even",
    show_default=True,
    help="Feed bodies so cut; the answer is the same. even: pieces of 16 KiB.",
)
@click.option(
    "--prices", type=click.Path(path_type=Path), metavar="FILE", help="Your own price table."
)
def audit(
    paths: tuple[Path, ...],
    *,
    as_lines: bool,
    truth: Path | None,
    require: str | None,
    verbose: bool,
    cuts: str,
    prices: Path | None,
) -> None:
    """Meter and price recorded traffic.

    PATHS: HAR files, mitmproxy dumps (.mitm, .flow), JSON lines (.jsonl), each also with .gz, or
    folders of them. A bad file or record is named on standard error, the rest is read, and the
    exit code is 1.
    """
    percent = _percent(require, truth)
    complaints = Complaints()
    results = _results(read_paths(paths), _auditor(cuts, prices), complaints)
    if truth is not None:
        check = _checked(Check(read_truth(truth)), results, verbose=verbose)
        click.echo(
            msgspec.json.Encoder(decimal_format="number").encode(check.as_dict())
            if as_lines
            else "\n".join(check.lines())
        )
        complaints.seen |= percent is not None and not check.reaches(percent)
    elif as_lines:
        for result in results:
            click.echo(as_json(result))
    else:
        _print_table(results)
    if complaints.seen:
        raise click.exceptions.Exit(1)


class Complaints:
    """Says on standard error what is bad, and remembers that something was."""

    def __init__(self) -> None:
        """Begin content."""
        self.seen = False

    def add(self, bad: Bad) -> None:
        """Tell of one bad file or record."""
        self.seen = True
        click.echo(f"leash audit: {bad}", err=True)


def _results(reads: Iterable[Read], auditor: Auditor, complaints: Complaints) -> Iterator[Result]:
    for read in reads:
        if isinstance(read, Bad):
            complaints.add(read)
        else:
            yield auditor.measure(read)


def _auditor(cuts: str, prices: Path | None) -> Auditor:
    settings = load(
        env=os.environ,
        cwd=Path.cwd(),
        home=Path.home(),
        flags={"prices": None if prices is None else str(prices)},
    )
    return Auditor(
        providers=load_providers(settings.providers),
        booking=Booking(prices=load_prices(settings.prices), at=Instant(time.time_ns() // 1000)),
        pieces=pieces(cuts),
    )


def _checked(check: Check, results: Iterable[Result], *, verbose: bool) -> Check:
    for result in results:
        lines = check.add(result)
        if verbose and lines:
            click.echo("\n".join(lines), err=True)
    return check


def _print_table(results: Iterable[Result]) -> None:
    tally = Tally()
    for line in table(_counted(results, tally)):
        click.echo(line)
    click.echo(tally.line())


def _counted(results: Iterable[Result], tally: Tally) -> Iterator[Result]:
    for result in results:
        tally.add(result)
        yield result


def _percent(text: str | None, truth: Path | None) -> Decimal | None:
    if text is None:
        return None
    message = f"--require: {text!r} is not a percentage from 0 to 100 for --check"
    try:
        percent = Decimal(text.removesuffix("%"))
    except InvalidOperation:
        raise UsageError(message) from None
    if truth is None or not 0 <= percent <= 100:  # noqa: PLR2004 - percent
        raise UsageError(message)
    return percent
