"""``leash rules new ID``: a rule to fill in."""

import re
from pathlib import Path
from typing import Final

import click

from leash_addon.cli.say import say
from leash_addon.config.rules import load_pack
from leash_addon.errors import UsageError

ID: Final = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+\.[a-z0-9_]+(?:\.[a-z0-9_]+)*")
HEAD: Final = """\
# Rules of our own. Name this file in leash.toml: [screening] packs = ["injection", "./{file}"]
[pack]
name = "{name}"
version = 1
"""
RULE: Final = """
[[rule]]
id = "{id}"
title = "Asks for the wall to be painted at once"
severity = 2                        # 1 strict .. 3 loose
status = "draft"                    # then "stable": a draft never fires
scan = ["user", "tool_result"]      # also system, assistant, response
keywords = ["paint"]                # lower case; one of them is in every match
any_of = [
  '''\\bpaint (?:the|this) .{{0,20}}\\bwall (?:now|at once)\\b''',  # a gap always has an end
]
why = "Nobody who reads this text is a painter."

[rule.examples]
match = ["Paint the old wall now.", "Go and paint this wall at once!"]
no_match = ["The wall was painted.", "Paint is sold in the next shop."]
"""
EXAMPLES = """\b
Examples:
  leash rules new support.refund.everyone
  leash rules new support.refund.everyone --file rules/ours.toml
"""


@click.command("new", epilog=EXAMPLES)
@click.argument("rule_id", metavar="ID")
@click.option(
    "--file",
    type=click.Path(path_type=Path),
    default=Path("my-rules.toml"),
    show_default=True,
    help="The pack to add it to; made if it is not there.",
)
def new_(*, rule_id: str, file: Path) -> None:
    """Add a draft rule to a pack of your own, to fill in; `leash rules check` proves it then.

    ID is class.family.name, and never used again.
    """
    if not ID.fullmatch(rule_id):
        msg = f"{rule_id}: an id is class.family.name in lower case, as override.ignore.previous"
        raise UsageError(msg)
    there = file.exists()
    if there and rule_id in {rule.id for rule in load_pack(str(file.absolute()), Path()).rules}:
        msg = f"{file}: {rule_id}: there is a rule of this id already"
        raise UsageError(msg)
    text = "" if there else HEAD.format(file=file.name, name=file.stem)
    try:
        with file.open("a", encoding="utf-8") as opened:
            opened.write(text + RULE.format(id=rule_id))
    except OSError as error:
        msg = f"{file}: cannot be written ({error.strerror})"
        raise UsageError(msg) from None
    say(f"{file}: {rule_id} added as a draft; fill it in, then: leash rules check ./{file}")
