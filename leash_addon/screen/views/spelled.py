"""Letters one by one: ``i g n o r e   a l l``, ``i-g-n-o-r-e a-l-l``."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice, repeat
from typing import Final

from leash_addon.screen.views.hidden import Hidden

LETTERS: Final = r"(?:[^\pL\pN]|^)\pL(?:[ ._*|/~,\n-]{1,3}\pL){7}(?:[^\pL\pN]|$)"
RUNS: Final = re.compile(r"(?<!\w)[^\W\d_](?:[ ._*|/~,\n-]{1,3}[^\W\d_]){7,2000}(?!\w)")
SIGNS: Final = b" ._*|/~,\n-"
MARK: Final = "\0"
FLAT: Final = bytes(code if code in SIGNS else ord("a") for code in range(256))
MOST: Final = 8


def spelled(text: str) -> Iterator[Hidden]:
    """Put letters together; what usually parts them is dropped, anything else parts words."""
    for run in islice(RUNS.finditer(text), MOST):
        yield Hidden("spaced", run.start(), run.end(), together(run[0]))


def together(run: str) -> str:
    """Put letters together: what usually parts them is dropped, anything else becomes a space.

    Most often that is one sign alone, more often than all else taken together; so this is
    tried before everything that parts letters is counted.
    """
    letters, between = run[::2], run[1::2]
    if between == between[0] * len(between) and letters.isalpha():
        return letters
    flat = _flat(run)
    _, usual = max((flat.count(sign), sign) for sign in SIGNS)
    pairs = flat.replace(b"a", b"aa")
    alone = pairs.count(bytes((*b"a", usual, *b"a")))
    if alone * 2 > pairs.count(b"a") // 2 - 1:
        return without(run, chr(usual))
    return sorted_out(run)


def without(run: str, usual: str) -> str:
    """Drop one sign where it stands alone between letters; whatever else parts them is a space."""
    for sign in SIGNS.decode():
        if sign != usual:
            run = run.replace(sign, MARK)
    for several in (usual * 3, usual * 2, usual + MARK, MARK + usual, MARK * 2, MARK * 2):
        run = run.replace(several, MARK)
    return run.replace(usual, "").replace(MARK, " ")


def _flat(run: str) -> bytes:
    """Return a run with every letter written ``a``."""
    return run.encode("ascii", "replace").translate(FLAT)


def sorted_out(run: str) -> str:
    """Put letters together by counting everything that parts them."""
    between = _flat(run).split(b"a")[1:-1]
    usual, _ = Counter(between).most_common(1)[0]
    gaps = map({usual: ""}.get, between, repeat(" "))
    for sign in SIGNS.decode():
        run = run.replace(sign, "")
    return run[0] + "".join(map(str.__add__, gaps, run[1:]))
