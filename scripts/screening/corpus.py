"""Texts to measure the rules on: JSON Lines, each line a text and what is known of it."""

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from leash_addon.core.part import Part

PATTERNS: Final = ("*.jsonl", "*.jsonl.gz")
VARIABLE: Final = "LEASH_CORPUS"
CODE: Final = "benign_code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One text. ``contextual``: an attack by its context alone, without a word of injection."""

    text: str
    part: Part
    attack: bool
    contextual: bool
    kind: str
    family: str
    source: str
    lang: str

    @property
    def octets(self) -> int:
        """Return the length in UTF-8."""
        return len(self.text.encode("utf-8", "surrogatepass"))


class MissingCorpusError(Exception):
    """There is no corpus; the message says where it was looked for."""


def find(folder: str | None) -> list[Path]:
    """Return the files of a corpus. Raises ``MissingCorpusError``."""
    named = folder or os.environ.get(VARIABLE)
    if not named:
        msg = f"no corpus: name its folder, or set {VARIABLE}"
        raise MissingCorpusError(msg)
    for place in (Path(named), Path(named) / "screening"):
        files = sorted(file for pattern in PATTERNS for file in place.glob(pattern))
        if files:
            return files
    msg = f"no corpus: {named} has no {' or '.join(PATTERNS)}"
    raise MissingCorpusError(msg)


def rows(files: list[Path], every: int = 1) -> Iterator[Row]:
    """Read attacks and ordinary texts; leave out harmful asks that are no injection."""
    number = 0
    for file in files:
        opened = gzip.open if file.suffix == ".gz" else open
        with opened(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                given = json.loads(line)
                if given["label"] not in {"attack", "benign"}:
                    continue
                number += 1
                if number % every == 0:
                    yield _row(given)


def _row(given: dict[str, str | None]) -> Row:
    def word(key: str) -> str:
        return given.get(key) or "-"

    return Row(
        text=word("text"),
        part=Part(word("channel")),
        attack=given["label"] == "attack",
        contextual=given.get("overt") == "contextual",
        kind=word("kind"),
        family=word("family"),
        source=word("source"),
        lang=word("lang"),
    )
