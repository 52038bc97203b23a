import html
import re
from urllib.parse import unquote_plus

from hypothesis import example, given
from hypothesis import strategies as st

from leash_addon.screen.views.numbered import ESCAPE, unescaped, unquoted, unreferenced

SIGNS = [
    "%",
    "%4",
    "%41",
    "%25",
    "%C3",
    "%a9",
    "%zz",
    "&",
    "&#",
    "&#65;",
    "&#38;",
    "&#x26",
    "&amp;",
]
SIGNS += [
    "&ampx",
    "&#x0;",
    "&#55296;",
    "\\",
    "\\u0041",
    "\\x5c",
    "n",
    "1",
    ";",
    "+",
    " ",
    "é",
    "字",
]
SIGNS += ["=", "%3D", "\x01", "%01", "%\n", "%\r", "\\101", "\\u{1f600}", "\\U00110000"]
TEXTS = st.lists(st.sampled_from(SIGNS), max_size=24).map("".join)


@given(TEXTS)
def test_percent_signs_are_read_as_the_standard_library_does(text: str) -> None:
    """Splitting at the signs gives what one search for them does."""
    assert unquoted(text) == unquote_plus(text)


@given(TEXTS)
def test_references_are_read_as_the_standard_library_does(text: str) -> None:
    """Splitting at the numeric references gives what one search for all does."""
    assert unreferenced(text) == html.unescape(text)


@example("\\\\u0041")
@given(TEXTS)
def test_escapes_are_read_apart_as_they_are_together(text: str) -> None:
    """Splitting at backslashes gives what reading each escape where it stands does."""
    read = re.sub(ESCAPE, lambda found: unescaped(found[0]), text)
    assert unescaped(text) == read.replace("\\n", "\n").replace("\\t", "\t")


def test_halves_of_a_surrogate_pair_are_one_character() -> None:
    """A character beyond the first plane is read from its two escapes."""
    assert unescaped("\\ud83d\\ude00") == "\U0001f600"
