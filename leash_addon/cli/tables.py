"""Tables for people: coloured and fitted on a terminal, plain and uncut everywhere else."""

import sys
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 400
"""Columns of a table that no terminal shows: nothing is cut off in a pipe or a log."""


def print_table(columns: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]]) -> None:
    """Print rows under (name, right-aligned) columns. Cells are text, never markup."""
    on_terminal = sys.stdout.isatty()
    console = Console(width=None if on_terminal else PLAIN_WIDTH, highlight=False)
    table = Table(box=box.SIMPLE_HEAD if on_terminal else None, pad_edge=False)
    for name, right in columns:
        table.add_column(name, justify="right" if right else "left", no_wrap=not on_terminal)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())
