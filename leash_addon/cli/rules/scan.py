"""``leash rules scan --jsonl``: run many texts through the engine, one JSON object a line."""

import gzip
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import click
import msgspec

from leash_addon.cli.rules.sources import chosen_engine, pack_options, sensitivity_option
from leash_addon.cli.say import say
from leash_addon.core.part import Part
from leash_addon.errors import UsageError
from leash_addon.screen.engine import Engine

GZIP: Final = b"\x1f\x8b"
STDIN: Final = "-"
SHOWN: Final = 20
"""Bad lines that are told one by one; the rest are counted."""

EXAMPLES = """\b
Examples:
  leash rules scan --jsonl corpus.jsonl.gz > fired.jsonl
  zcat corpus.jsonl.gz | leash rules scan --jsonl --sensitivity high
"""


class Line(msgspec.Struct):
    """One text of a corpus; other keys are passed over."""

    id: str | int
    text: str
    channel: Part = Part.USER


class Fired(msgspec.Struct):
    """What the engine says of one text. ``rules``: ids, strictest first."""

    id: str | int
    fired: bool
    rules: list[str]


@click.command("scan", epilog=EXAMPLES)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option(
    "--jsonl",
    is_flag=True,
    required=True,
    expose_value=False,
    help="Read and write one JSON object a line.",
)
@sensitivity_option
@pack_options
def scan_(
    *,
    files: Sequence[str],
    sensitivity: str | None,
    packs: Sequence[str],
    config: Path | None,
) -> int:
    """Read lines {id, text, channel} from FILEs or standard input, also gzipped.

    Writes {id, fired, rules} for each. channel is the part: user (default), tool_result, system,
    assistant or response. A bad line is reported with its number and skipped; then the exit code
    is 2 in the end.
    """
    engine = chosen_engine(config, packs, sensitivity)
    bad = sum(_scan(engine, name) for name in files or (STDIN,))
    if bad > SHOWN:
        say(f"{bad} lines were skipped")
    return 2 if bad else 0


def _scan(engine: Engine, name: str) -> int:
    """Scan one file; return how many of its lines were bad."""
    decode, encode = msgspec.json.Decoder(Line).decode, msgspec.json.Encoder().encode
    bad = 0
    with _opened(name) as file:
        for number, raw in enumerate(_lines(file, name), 1):
            if not raw.strip():
                continue
            try:
                line = decode(raw)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                bad += 1
                if bad <= SHOWN:
                    say(f"{name}:{number}: skipped: {error}")
                continue
            rules = list(
                dict.fromkeys(each.rule for each in engine.screen(line.text, line.channel))
            )
            sys.stdout.buffer.write(
                encode(Fired(id=line.id, fired=bool(rules), rules=rules)) + b"\n"
            )
    sys.stdout.buffer.flush()
    return bad


def _lines(file: IO[bytes], name: str) -> Iterator[bytes]:
    try:
        yield from file
    except (OSError, EOFError) as error:
        msg = f"{name}: cannot be read to its end: {error}"
        raise UsageError(msg) from None


@contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    """Open a file or standard input, and unpack it if it is gzipped."""
    if name == STDIN:
        yield _unpacked(sys.stdin.buffer)
        return
    with _file(name) as file:
        yield _unpacked(file)


def _file(name: str) -> IO[bytes]:
    try:
        return Path(name).open("rb")
    except OSError as error:
        msg = f"{name}: cannot be read ({error.strerror})"
        raise UsageError(msg) from None


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    peek = getattr(file, "peek", None)
    packed = peek is not None and peek(2)[:2] == GZIP
    return gzip.open(file) if packed else file  # type: ignore[return-value]  # reads bytes
