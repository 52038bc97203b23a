"""Letters one by one: ``i g n o r e   a l l``, ``i-g-n-o-r-e a-l-l``."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice, repeat
from typing import Final

from leash_addon.screen.views.hidden import Hidden

LETTERS: Final = r"(?:[^\pL\pN]|^)\pL(?:[ ._*|/~,\n-]{1,3}\pL){7}(?:[^\pL\pN]|$)"
RUNS: Final = re.compile(r"(?<!\w)[^\W\d_](?:[ ._*|/~,\n-]{1,3}[^\W\d_]){7,2000}(?!\w)")
SIGNS: Final = b" ._*|/~,\n-"
MARK: Final = "\0"
FLAT: Final = bytes(code if code in SIGNS else ord("a") for code in range(256))
FEW: Final = 12
"""Ways of parting letters that are looked for in turn."""
MOST: Final = 8


def spelled(text: str) -> Iterator[Hidden]:
    """Put letters together; what usually parts them is dropped, anything else parts words."""
    for run in islice(RUNS.finditer(text), MOST):
        yield Hidden("spaced", run.start(), run.end(), together(run[0]))


def together(run: str) -> str:
    """Put letters together: what most often parts them is dropped, all else becomes a space."""
    letters, between = run[::2], run[1::2]
    if between == between[0] * len(between) and letters.isalpha():
        return letters
    gaps = run.encode("ascii", "replace").translate(FLAT).split(b"a")[1:-1]
    (usual, _), *rest = Counter(gaps).most_common()
    if len(rest) > FEW:
        return sorted_out(run, gaps, usual)
    shown = {usual.decode(): ""} | {gap.decode(): MARK for gap, _ in rest}
    for gap in sorted(shown, key=len, reverse=True):
        run = run.replace(gap, shown[gap])
    return run.replace(MARK, " ")


def sorted_out(run: str, gaps: Sequence[bytes], usual: bytes) -> str:
    """Put letters together one by one. ``gaps``: what parts them, in turn."""
    for sign in SIGNS.decode():
        run = run.replace(sign, "")
    spaces = map({usual: ""}.get, gaps, repeat(" "))
    return run[0] + "".join(map(str.__add__, spaces, run[1:]))
