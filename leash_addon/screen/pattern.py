r"""The dialect of rule patterns: RE2, with three things read for the folded text.

- A space stands for a blank or the end of one line, so that wrapped text matches; never for the
  end of a paragraph.
- ``.`` stands for any character but the end of a paragraph.
- Accented letters are folded as the text is: ``\bprécédentes\b`` matches ``precedentes``.

Everything else is RE2's own: https://github.com/google/re2/wiki/Syntax (no look-around, no
back-references, ``\x{4e00}`` in place of ``\u4e00``). Letter case never matters. ``\b`` and ``\w``
know ASCII letters only, so ``\b`` beside a Cyrillic letter never holds. ``(?m)^`` is the start of
a line.
"""

from itertools import pairwise
from typing import Any, Final

import re2

from leash_addon.screen.folding import Folding

type Regexp = Any
"""A compiled pattern of RE2, which ships no types."""

type Options = Any
"""RE2's options."""

GAP: Final = r"[ \n]"
ANY: Final = r"[^\f]"
MEMORY: Final = 4 << 20
"""Bytes that one pattern may use for its automaton."""


def options() -> Options:
    """Return how every pattern is compiled."""
    chosen = re2.Options()
    chosen.log_errors = False
    chosen.never_capture = True
    chosen.case_sensitive = False
    chosen.max_mem = MEMORY
    return chosen


def translated(pattern: str, folding: Folding) -> str:
    """Return the RE2 of a pattern."""
    out, inside, escaped = [], False, False
    for char in pattern:
        if escaped:
            escaped = False
            out.append(char)
        elif char == "\\":
            escaped = True
            out.append(char)
        elif inside:
            inside = char != "]"
            out.append(r"\n " if char == " " else _folded(char, folding))
        else:
            inside = char == "["
            out.append({" ": GAP, ".": ANY}.get(char) or _folded(char, folding))
    return "".join(out)


def _folded(char: str, folding: Folding) -> str:
    """Fold a character of a pattern; a wide ``?`` must not become a sign of RE2's."""
    folded = folding.stand(char)
    return folded if char.isascii() else re2.escape(folded)


def compiled(pattern: str, folding: Folding) -> Regexp:
    """Compile a pattern of the dialect. Raises ``ValueError`` with RE2's own words."""
    try:
        return re2.compile(translated(pattern, folding), options())
    except re2.error as error:
        words = error.args[0] if error.args else "not a pattern"
        message = words.decode() if isinstance(words, bytes) else str(words)
        raise ValueError(message) from None


def folds_a_range(pattern: str, folding: Folding) -> bool:
    """Tell whether a range such as ``[à-ü]`` has an end that is folded away."""
    return any("-" in pair and folding.stand(max(pair)) != max(pair) for pair in pairwise(pattern))
