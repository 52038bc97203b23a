"""Automata of rules, kept in leash's own folder: they take much longer to build than to read.

One file for each severity of a pack, ``~/.leash/automata/injection-1-<hash>``: a line of JSON, then
what Vectorscan wrote. The hash is of the pack's name, the patterns, the library's version and the
kind of machine, so that a file is never read for other rules; one that is damaged is as good as
none. So is one that somebody else may have written: Vectorscan trusts what it reads.
"""

import contextlib
import os
import platform
import re
import stat
from errno import EPERM
from hashlib import blake2b
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import msgspec

from leash_addon.screen.automaton import VERSION, Built, Expressions, is_readable

FOLDER: Final = "automata"
BEGUN: Final = ".new-"
MOST: Final = 4
"""Files of one name that are kept; the oldest go."""
OTHER: Final = re.compile(r"[^a-z0-9]+")
NAME: Final = 6
"""Digits of a file's hash that are of its pack's name and the severity."""
LONGEST: Final = 40
"""Characters of a pack's name that a file's has."""
HUGE: Final = 256 << 20
"""Bytes; what is larger was not written here."""
OLD: Final = 3600.0
"""Seconds after which nobody writes on at a file that was begun."""


class Head(msgspec.Struct):
    """The first line of a file. ``left``: patterns, by index, that are not in the automaton.

    ``digest``: of that, of the file's name, and of what follows the line.
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
        file = self._file(expressions)
        try:
            line, _, automaton = _read(file).partition(b"\n")
            head = msgspec.json.decode(line, type=Head)
        except (OSError, msgspec.MsgspecError):
            return None
        found = Built(automaton, head.left)
        return found if _digest(file, found) == head.digest else None

    def keep(self, expressions: Expressions, built: Built) -> None:
        """Write what was built, whole or not at all. Raises ``OSError``."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _own(self.folder.stat())
        file = self._file(expressions)
        head = msgspec.json.encode(Head(built.left, _digest(file, built)))
        with NamedTemporaryFile(dir=self.folder, prefix=BEGUN, delete=False) as new:
            try:
                new.write(head + b"\n" + built.automaton)
                new.close()
                Path(new.name).replace(file)
            except BaseException:
                Path(new.name).unlink(missing_ok=True)
                raise
        self._tidy(file)

    def lacks(self, expressions: Expressions) -> bool:
        """Tell whether nothing was kept of some expressions, or nothing that can be used."""
        built = self.kept(expressions)
        return built is None or not is_readable(built)

    def _file(self, expressions: Expressions) -> Path:
        name = blake2b(expressions.name.encode(), digest_size=NAME // 2).hexdigest()
        kind = f"{VERSION} {platform.machine()}"
        found = blake2b(kind.encode(), digest_size=12, person=b"leash automata")
        for pattern in expressions.patterns:
            found.update(b"%d:%b" % (len(pattern), pattern))
        return self.folder / f"{_stem(expressions)}-{name}{found.hexdigest()}"

    def _tidy(self, kept: Path) -> None:
        """Leave the newest files of one name, and nothing that was only begun."""
        stem, _, now = kept.name.rpartition("-")
        same = re.compile(rf"{re.escape(stem)}-{now[:NAME]}[0-9a-f]{{{len(now) - NAME}}}")
        with contextlib.suppress(OSError):
            files = [each for each in self.folder.iterdir() if same.fullmatch(each.name)]
            for file in sorted(files, key=_age)[MOST:]:
                file.unlink(missing_ok=True)
            for begun in self.folder.glob(f"{BEGUN}*"):
                if _age(begun) - _age(kept) > OLD:
                    begun.unlink(missing_ok=True)


def _age(file: Path) -> float:
    return -file.stat().st_mtime


def _read(file: Path) -> bytes:
    """Read a file that only this user could write, following no link. Raises ``OSError``."""
    _own(file.parent.stat())
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(file, flags), "rb") as opened:
        found = os.fstat(opened.fileno())
        _own(found)
        if not stat.S_ISREG(found.st_mode) or found.st_size > HUGE:
            raise PermissionError(EPERM, "no file of ours")
        return opened.read()


def _own(found: os.stat_result) -> None:
    if found.st_uid not in {os.geteuid(), 0} or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise PermissionError(EPERM, "others can write there")


def _digest(file: Path, built: Built) -> str:
    found = blake2b(file.name.encode() + b"%r" % (built.left,), digest_size=16)
    found.update(built.automaton)
    return found.hexdigest()


def _stem(expressions: Expressions) -> str:
    pack, _, severity = expressions.name.rpartition("-")
    return f"{OTHER.sub('-', pack.lower()).strip('-')[:LONGEST] or 'rules'}-{severity}"
