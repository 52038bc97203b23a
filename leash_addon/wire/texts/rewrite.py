"""Strings of a JSON value replaced where they stand, every other byte as it was."""

from collections.abc import Iterator, Mapping

import msgspec

from leash_addon.wire.known import spliced
from leash_addon.wire.skip import tokens
from leash_addon.wire.texts.pieces import decoded
from leash_addon.wire.texts.text import KEY, Path, Step


def rewritten(raw: bytes, values: Mapping[Path, str]) -> bytes:
    """Return a JSON value with new strings at some paths.

    Raises ``ValueError`` where no string stands at one of them.
    """
    places = {path: (start, end) for path, start, end in _strings(raw) if path in values}
    if missing := values.keys() - places.keys():
        msg = f"no string at {min(map(repr, missing))}"
        raise ValueError(msg)
    changes = sorted((*span, msgspec.json.encode(values[path])) for path, span in places.items())
    return spliced(raw, changes)


def shown(path: Path) -> str:
    """Write a path as people do: ``messages[3].content[0].text``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path if step != KEY)
    return "".join(steps).removeprefix(".")


def _strings(raw: bytes) -> Iterator[tuple[Path, int, int]]:
    """Yield every string with its path and where its bytes are, quotes included."""
    path: list[Step] = []
    names = [False]  # per level: the next string is a member's name
    for start, end in tokens(raw):
        match raw[start : start + 1]:
            case b"{":
                path.append("")
                names.append(True)
            case b"[":
                path.append(0)
                names.append(False)
            case b"}" | b"]":
                path.pop()
                names.pop()
            case b",":
                step = path[-1]
                names[-1] = isinstance(step, str)
                path[-1] = step if isinstance(step, str) else step + 1
            case b'"' if names[-1]:
                path[-1] = str(decoded(raw[start:end]))
                names[-1] = False
                yield (*path, KEY), start, end
            case b'"':
                yield tuple(path), start, end
            case _:
                pass
