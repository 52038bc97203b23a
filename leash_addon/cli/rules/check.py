"""``leash rules check [PACK]``: prove packs by their own examples."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from leash_addon.config.packs import rules_dir
from leash_addon.config.rules import load_pack, shipped_packs
from leash_addon.screen.proof.packs import broken

BROKEN: Final = 1
BENIGN: Final = "benign.txt"
EXAMPLES = """\b
Examples:
  leash rules check
  leash rules check injection ./my-rules.toml
"""


@click.command("check", epilog=EXAMPLES)
@click.argument("packs", nargs=-1, metavar="[PACK]...")
def check_(*, packs: Sequence[str]) -> int:
    """Prove rule packs; without a name those that ship. One line per broken promise.

    Patterns compile and are bounded; ids are unique; each pattern is needed by an example; the
    examples keep their promise in capitals, full width, doubled spaces and split by unseen
    characters; every match holds a keyword; known errors are still errors; no rule fires on
    ordinary text. The exit code is 1 if any promise is broken.
    """
    loaded = [load_pack(name, Path.cwd()) for name in dict.fromkeys(packs or shipped_packs())]
    benign = rules_dir() / BENIGN
    lines = list(broken(loaded, benign.read_text("utf-8") if benign.is_file() else ""))
    for line in lines:
        click.echo(line)
    rules = sum(len(pack.rules) for pack in loaded)
    held = f"{_many(rules, 'rule')} in {_many(len(loaded), 'pack')}"
    click.echo(f"{held}: {_many(len(lines), 'broken promise')}", err=True)
    return BROKEN if lines else 0


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
