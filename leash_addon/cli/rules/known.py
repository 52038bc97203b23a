"""``leash rules known [FILE...]``: which agents' prompts are known, and how to make more so."""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import click
import msgspec

from leash_addon.audit.exchange import Bad
from leash_addon.audit.sources import is_recording
from leash_addon.audit.words import read_words
from leash_addon.cli.options import config_option, json_option, read_settings
from leash_addon.cli.say import say
from leash_addon.cli.tables import print_table
from leash_addon.config.known import PARTS, Agent, as_toml, load_agents
from leash_addon.config.packs import load_providers
from leash_addon.core.part import Part
from leash_addon.errors import UsageError
from leash_addon.screen.known import LEAST, MOST, hashes
from leash_addon.wire.routes import Providers

COLUMNS: Final = (
    ("AGENT", False),
    ("VERSION", False),
    ("SYSTEM", True),
    ("USER", True),
    ("LIST", False),
)
EXAMPLES = """\b
Examples:
  leash rules known
  leash rules known prompt.md --name my-agent --version 1.4 > my-agents.toml
  leash rules known one.har two.har --in-each 2 --name my-agent --version 1.4
"""


class Listed(msgspec.Struct):
    """One agent of a list in use; how many of its paragraphs are known, by part."""

    name: str
    version: str
    system: int
    user: int
    list: str


@click.command("known", epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--name", metavar="AGENT", help="Whose prompts they are.")
@click.option("--version", metavar="VERSION", help="Of which version of it.")
@click.option(
    "--part",
    type=click.Choice([*map(str, PARTS)]),
    default=str(Part.SYSTEM),
    show_default=True,
    help="Where the agent puts them.",
)
@click.option(
    "--in-each",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Take only what comes in at least N of the FILEs.",
)
@config_option
@json_option
def known_(
    *,
    files: Sequence[str],
    name: str | None,
    version: str | None,
    part: str,
    in_each: int,
    config: Path | None,
    as_json: bool,
) -> None:
    """List the agents whose prompts are known, or print an entry for another one.

    FILEs are texts, or recordings (.har, .mitm, .flow, .jsonl, also .gz) of which the texts of
    --part are taken. The entry holds a hash for each paragraph and goes into a file that
    screening.known_prompts names; a paragraph that is listed is not screened in that part. Take
    --in-each 2 and recordings of two folders to leave out what is not the agent's own: with --part
    user the user's own words are in them, too.
    """
    if not files:
        _list(read_settings(config).screening.known_prompts, as_json=as_json)
        return
    providers = load_providers(read_settings(config).providers)
    agent = _agent(files, providers, name, version, Part(part), in_each)
    click.echo(as_toml([agent]), nl=False)
    say(f"{len(agent.hashes[Part(part)])} paragraphs of {len(files)} files; the texts are not kept")


def _list(names: Iterable[str], *, as_json: bool) -> None:
    found = [
        Listed(
            name=agent.name,
            version=agent.version,
            system=len(agent.hashes[Part.SYSTEM]),
            user=len(agent.hashes[Part.USER]),
            list=name,
        )
        for name in names
        for agent in load_agents(name)
    ]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)))
        return
    rows = [
        [each.name, each.version, str(each.system), str(each.user), each.list] for each in found
    ]
    print_table(COLUMNS, rows)


def _agent(  # noqa: PLR0917 - what the flags say
    files: Sequence[str],
    providers: Providers,
    name: str | None,
    version: str | None,
    part: Part,
    in_each: int,
) -> Agent:
    """Make the entry. Raises ``UsageError`` where there is nothing to put into it."""
    for flag, value in (("--name", name), ("--version", version)):
        if not (value and value.strip() and value.isprintable()):
            msg = f"{flag}: say which agent it is, for example --name my-agent --version 1.4"
            raise UsageError(msg)
    if in_each > len(files):
        msg = f"--in-each {in_each}: there are only {len(files)} files"
        raise UsageError(msg)
    counted = Counter(each for file in files for each in _hashes(file, providers, part))
    kept = tuple(sorted(each for each, times in counted.items() if times >= in_each))
    if not kept:
        few = f" that comes in {in_each} of them" if in_each > 1 else ""
        msg = f"{', '.join(files)}: no paragraph of {LEAST} to {MOST} characters{few}"
        raise UsageError(msg)
    return Agent(name=name or "", version=version or "", hashes={part: kept})


def _hashes(file: str, providers: Providers, part: Part) -> set[str]:
    path = Path(file)
    if not is_recording(path):
        return set(hashes(_text(file)))
    found: set[str] = set()
    for word in read_words(path, providers):
        if isinstance(word, Bad):
            say(f"skipped: {word}")
        elif word.part is part:
            found.update(hashes(word.text, [leaf.start for leaf in word.leaves]))
    return found


def _text(file: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        msg = f"{file}: cannot be read ({error.strerror})"
        raise UsageError(msg) from None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        msg = f"{file}: is not UTF-8 text, nor a recording by its name"
        raise UsageError(msg) from None
