import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leash_addon.screen.spacing import LOWERED, PARAGRAPH, joined, spaced
from leash_addon.screen.windows import NEAR, SIZE, windows

TEXTS = st.text(st.sampled_from("aB. \t\n\n  \v\x00\x1f"), max_size=40)


def one_run(found: re.Match[str]) -> str:
    """Return what a run of white space is written as."""
    lines = found[0].count("\n")
    return PARAGRAPH if lines > 1 else "\n" if lines else " "


@example("\n")
@example(" \n")
@example("\n\n\n a  \n \n")
@given(TEXTS)
def test_each_run_of_white_space_is_a_blank_a_line_or_a_paragraph(text: str) -> None:
    """Reading by lines writes every run as one search for runs does."""
    bare = text.replace("\x00", "")
    assert spaced(text) == re.sub(r"[ \t\n\v\x1f]+", one_run, bare)
    assert spaced(text, LOWERED) == spaced(text).lower()


@given(TEXTS, TEXTS)
def test_a_seam_leaves_no_trace(left: str, right: str) -> None:
    """Two texts folded apart and joined are the one text folded."""
    assert joined(spaced(left), spaced(right)) == spaced(left + right)


@pytest.mark.parametrize(
    ("tail", "cut"),
    [
        pytest.param("x" * NEAR, 0, id="no white space near"),
        pytest.param("x" * (NEAR - 1), NEAR - 1, id="white space as far off as is looked for"),
        pytest.param("x", 1, id="a letter of the next word"),
        pytest.param(" ", 0, id="white space at the very end"),
        pytest.param("\u3000ab", 2, id="other white space"),
    ],
)
def test_a_window_ends_after_the_last_white_space_near_its_end(tail: str, cut: int) -> None:
    """A word that fits is not cut in two."""
    text = " " * (SIZE - len(tail)) + tail + "y" * SIZE
    assert next(windows(text)) == (0, SIZE - cut)
