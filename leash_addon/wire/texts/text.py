"""A text of a request: who wrote it, and where its characters stand in the JSON.

Most texts are one string. A tool result that is JSON (Gemini's ``functionResponse``, Bedrock's
``json`` blocks) is one text as well: its strings joined by line feeds, so that it is screened at
once. A string that holds JSON itself (a tool that answers with an object written out) stands here
without its escapes, as the model reads it; ``Leaf`` knows the way back to what is in the body.
"""

from bisect import bisect_right
from typing import Final

from msgspec import Struct

from leash_addon.core.part import Part
from leash_addon.wire.texts.escapes import Unescaped, unescaped

type Step = str | int
type Path = tuple[Step, ...]
"""Member names and indexes from the top of a document down. ``KEY`` after a name: the name."""

KEY: Final = "\0key"
"""Stands after a member's name where the name itself is the text."""

JOIN: Final = "\n"


class Leaf(Struct, frozen=True):
    """One JSON string of a text. ``start``: where it begins in the text.

    ``value``: the string as the body has it. ``plain``: it without escapes of JSON inside it,
    where it had any.
    """

    path: Path
    start: int
    value: str
    plain: Unescaped | None = None

    @property
    def shown(self) -> str:
        """Return what stands in the text."""
        return self.value if self.plain is None else self.plain.text

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where characters of the text stand in ``value``, cut to what is inside it."""
        length = len(self.shown)
        inside = [min(max(at - self.start, 0), length) for at in (start, end)]
        if self.plain is None:
            return inside[0], inside[1]
        return self.plain.original(inside[0]), self.plain.original(inside[1])


class Text(Struct, frozen=True, kw_only=True):
    """One text. ``call``: id of the tool call that it answers; ``tool``: its name, where known.

    ``fixed``: the provider takes it back only as it was, so it must not be changed.
    """

    part: Part
    text: str
    leaves: tuple[Leaf, ...]
    call: str = ""
    tool: str = ""
    fixed: bool = False

    @property
    def path(self) -> Path:
        """Return where its first string stands."""
        return self.leaves[0].path

    def leaf_at(self, at: int) -> Leaf:
        """Return the string that a character belongs to."""
        return self.leaves[self._leaf_before(at)]

    def leaves_in(self, start: int, end: int) -> tuple[Leaf, ...]:
        """Return the strings that a span touches."""
        found: list[Leaf] = []
        for at in range(self._leaf_before(start), len(self.leaves)):
            leaf = self.leaves[at]
            if leaf.start >= end:
                break
            if start < leaf.start + len(leaf.shown):
                found.append(leaf)
        return tuple(found)

    def _leaf_before(self, at: int) -> int:
        """Return the index of the last string that begins at or before a character."""
        return max(0, bisect_right(self.leaves, at, key=_start) - 1)


def _start(leaf: Leaf) -> int:
    return leaf.start


def text_of(
    part: Part,
    strings: list[tuple[Path, str]],
    *,
    call: str = "",
    tool: str = "",
    fixed: bool = False,
) -> Text:
    """Join strings into one text."""
    leaves: list[Leaf] = []
    at = 0
    for path, value in strings:
        leaf = Leaf(path, at, value, unescaped(value) if part is Part.TOOL_RESULT else None)
        leaves.append(leaf)
        at += len(leaf.shown) + len(JOIN)
    joined = leaves[0].shown if len(leaves) == 1 else JOIN.join(leaf.shown for leaf in leaves)
    return Text(part=part, text=joined, leaves=tuple(leaves), call=call, tool=tool, fixed=fixed)
