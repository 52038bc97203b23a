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

import re
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
PIECE: Final = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|[ .]|[^\x00-\x7f]+", re.DOTALL)
"""What is not passed on as it is: escapes and classes are, but for spaces and letters in them."""
SPACE: Final = re.compile(r"(?<!\\) ")
FOREIGN: Final = re.compile(r"[^\x00-\x7f]+")
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
    return PIECE.sub(lambda piece: _piece(piece[0], folding), pattern)


def _piece(piece: str, folding: Folding) -> str:
    if piece in {" ", "."}:
        return GAP if piece == " " else ANY
    if piece.startswith("["):
        return FOREIGN.sub(lambda run: _folded(run[0], folding), SPACE.sub(r"\\n ", piece))
    return piece if piece.startswith("\\") else _folded(piece, folding)


def _folded(text: str, folding: Folding) -> str:
    """Fold letters of a pattern; a wide ``?`` must not become a sign of RE2's."""
    return "".join(
        folded if char == folded else re2.escape(folded)
        for char in text
        for folded in (folding.stand(char),)
    )


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
