"""What a reader finds in one piece of a request: its texts, and how many media it passed over."""

import re
from collections.abc import Iterable
from typing import Any, Final

from leash_addon.core.part import Part
from leash_addon.wire.texts.escapes import without_lone_surrogates
from leash_addon.wire.texts.text import KEY, Path, Step, Text, text_of

type Json = dict[str, Any]

DEEPEST: Final = 64
"""Levels of a JSON value that are walked; msgspec itself reads 512."""

CODED: Final = re.compile(r"[A-Za-z0-9+/_=-]*+")
LEAST_CODED: Final = 2048
"""A string of this kind alone, and that long, is an image, a file or a signature, not a text."""
STRETCH: Final = 64 * 1024
"""Characters that are looked through at once."""

OPAQUE: Final = frozenset({"encrypted_content", "encrypted_index", "encrypted_stdout", "signature"})
"""Members that only their provider can read."""


class Gathered:
    """Texts in the order of the request. ``skipped``: images, audio and files passed over."""

    __slots__ = ("skipped", "texts")

    def __init__(self) -> None:
        """Begin with none."""
        self.texts: list[Text] = []
        self.skipped = 0

    def add(
        self,
        part: Part,
        value: object,
        path: Path,
        *,
        call: str = "",
        tool: str = "",
        fixed: bool = False,
    ) -> None:
        """Take a string; anything else, and an empty one, is none."""
        if isinstance(value, str) and value:
            clean = without_lone_surrogates(value)
            self.texts.append(text_of(part, [(path, clean)], call=call, tool=tool, fixed=fixed))

    def walk(
        self,
        part: Part,
        value: object,
        path: Path,
        *,
        call: str = "",
        tool: str = "",
        fixed: bool = False,
    ) -> None:
        """Take every string of a JSON value as one text; data that are no text are counted."""
        strings: list[tuple[Path, str]] = []
        self._collect(value, path, strings)
        if strings:
            self.texts.append(text_of(part, strings, call=call, tool=tool, fixed=fixed))

    def walk_named(self, part: Part, name: str, value: object, path: Path) -> None:
        """Take the strings of all members of one name as one text."""
        strings: list[tuple[Path, str]] = []
        level: list[tuple[Path, object]] = [(path, value)]
        while level and len(level[0][0]) < DEEPEST:
            inner = [((*at, step), each) for at, one in level for step, each in inside(one)]
            strings += [
                (at, without_lone_surrogates(each))
                for at, each in inner
                if at[-1] == name and isinstance(each, str) and each
            ]
            level = inner
        if strings:
            self.texts.append(text_of(part, strings))

    def skip(self) -> None:
        """Pass over one image, recording or file."""
        self.skipped += 1

    def _collect(self, value: object, path: Path, into: list[tuple[Path, str]]) -> None:
        if isinstance(value, str):
            if is_coded(value):
                self.skip()
            elif value:
                into.append((path, without_lone_surrogates(value)))
            return
        for name, inner in inside(value) if len(path) < DEEPEST else ():
            if isinstance(name, str) and " " in name:
                into.append(((*path, name, KEY), without_lone_surrogates(name)))
            if name not in OPAQUE:
                self._collect(inner, (*path, name), into)


def is_coded(value: str) -> bool:
    """Tell whether a string is data in base64 or the like."""
    return len(value) >= LEAST_CODED and all(
        CODED.fullmatch(value, at, at + STRETCH) for at in range(0, len(value), STRETCH)
    )


def inside(value: object) -> Iterable[tuple[Step, object]]:
    """Return the members of an object, the elements of an array, or nothing."""
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def text(value: object) -> str:
    """Return a string, "" for anything else."""
    return value if isinstance(value, str) else ""


def members(value: object) -> Json:
    """Return a JSON object, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def elements(value: object) -> list[Any]:
    """Return a JSON array, an empty one for anything else."""
    return value if isinstance(value, list) else []
