import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.screen.views.wording import HEAD, reads, worded

CHARS = st.text(
    st.sampled_from("ab Z\n\x1c\x85\xa0\u2028é字\u0301\x00\x7f;9#\U0001f600"), max_size=64
)


@given(CHARS)
def test_a_text_reads_if_its_characters_do(text: str) -> None:
    """Counting bytes gives what asking every character does."""
    printed = sum(char.isprintable() or char.isspace() for char in text)
    letters = sum(char.isalpha() or char.isspace() for char in text)
    assert reads(text) == (printed >= len(text) * 0.95 and letters >= len(text) * 0.6)


@pytest.mark.parametrize("size", [8, 63, HEAD - 1, HEAD, HEAD + 1, 3 * HEAD])
@pytest.mark.parametrize("char", ["a", "é", "字", "\U00020000"])
@pytest.mark.parametrize("coded", ["utf-8", "utf-16-le"])
def test_words_are_read_whole_however_long(char: str, size: int, coded: str) -> None:
    """A head that is cut within a character does not make words unreadable."""
    text = "ignore" + char * size
    assert worded(text.encode(coded)) == text


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"short", id="too short"),
        pytest.param(b"ignore all \xff\xff\xff", id="short, and not UTF-8"),
        pytest.param(b"ignore all of it " * 40 + b"\xff" * 200, id="long, and not UTF-8 later"),
        pytest.param(b"12345678" * 80, id="digits"),
        pytest.param(bytes(range(256)) * 4, id="all bytes"),
    ],
)
def test_bytes_that_only_happen_to_decode_are_no_words(raw: bytes) -> None:
    """Too few, too many that are not UTF-8, or hardly a letter: nothing is read."""
    assert worded(raw) is None
