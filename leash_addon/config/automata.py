"""Automata of rules, kept in leash's own folder: they take much longer to build than to read.

One file for each severity of a pack, ``~/.leash/automata/injection-1-<hash>``: a line of JSON, then
what Vectorscan wrote. The hash is of the patterns and of the library's version, so that a file is
never read for other rules; one that is damaged or of another kind of machine is as good as none.
"""

import contextlib
import os
import re
from hashlib import blake2b
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import msgspec

from leash_addon.screen.automaton import VERSION, Built, Expressions, is_readable

FOLDER: Final = "automata"
MOST: Final = 4
"""Files of one name that are kept; the oldest go."""
OTHER: Final = re.compile(r"[^a-z0-9]+")


class Head(msgspec.Struct):
    """The first line of a file. ``left``: patterns, by index, that are not in the automaton.

    ``digest``: of what follows the line.
    """

    left: tuple[int, ...]
    digest: str


class Automata:
    """The files of one folder."""

    def __init__(self, home: Path) -> None:
        """``home``: leash's own folder."""
        self.folder = home / FOLDER

    def kept(self, expressions: Expressions) -> Built | None:
        """Read what was built of some expressions; ``None`` if there is nothing that can be."""
        try:
            line, _, automaton = self._file(expressions).read_bytes().partition(b"\n")
            head = msgspec.json.decode(line, type=Head)
        except (OSError, msgspec.MsgspecError):
            return None
        return Built(automaton, head.left) if _digest(automaton) == head.digest else None

    def keep(self, expressions: Expressions, built: Built) -> None:
        """Write what was built, whole or not at all. Raises ``OSError``."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        head = msgspec.json.encode(Head(built.left, _digest(built.automaton)))
        file = self._file(expressions)
        with NamedTemporaryFile(dir=self.folder, prefix=".new-", delete=False) as new:
            try:
                new.write(head + b"\n" + built.automaton)
                new.close()
                Path(new.name).replace(file)
            except BaseException:
                Path(new.name).unlink(missing_ok=True)
                raise
        self._tidy(_stem(expressions))

    def lacks(self, expressions: Expressions) -> bool:
        """Tell whether nothing was kept of some expressions, or nothing that can be used."""
        built = self.kept(expressions)
        return built is None or not is_readable(built)

    def _file(self, expressions: Expressions) -> Path:
        found = blake2b(VERSION.encode(), digest_size=12, person=b"leash automata")
        for pattern in expressions.patterns:
            found.update(b"%d:%b" % (len(pattern), pattern))
        return self.folder / f"{_stem(expressions)}-{found.hexdigest()}"

    def _tidy(self, stem: str) -> None:
        with contextlib.suppress(OSError):
            files = sorted(self.folder.glob(f"{stem}-*"), key=os.path.getmtime)
            for file in files[:-MOST]:
                file.unlink(missing_ok=True)


def _digest(automaton: bytes) -> str:
    return blake2b(automaton, digest_size=16).hexdigest()


def _stem(expressions: Expressions) -> str:
    return OTHER.sub("-", expressions.name.lower()).strip("-") or "rules"
