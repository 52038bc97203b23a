"""A key is taken out of what comes back, however it is cut."""

import gzip
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.proxy.scrub import LOOSE, Scrubber

KEY = "sk-real+/0123456789abcdef"
CODED = "sk-real%2B%2F0123456789abcdef"


def passed(scrubber: Scrubber, *pieces: bytes) -> bytes:
    """Feed pieces and return everything that passes."""
    return b"".join(map(scrubber.feed, pieces)) + scrubber.close()


@given(
    text=st.lists(st.sampled_from([KEY, CODED, "sk-re", "s", "hello ", KEY[:-1] + "!"])).map(
        "".join
    ),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_no_key_passes_whatever_the_cuts(text: str, cuts: list[int]) -> None:
    """The text keeps its length, and no key is in it but for a few letters of its beginning."""
    whole, places = text.encode(), sorted({0, len(text), *(min(cut, len(text)) for cut in cuts)})
    pieces = [whole[a:b] for a, b in pairwise(places)]
    clean = passed(Scrubber(KEY), *pieces)
    assert (KEY.encode() in clean, CODED.encode() in clean) == (False, False)
    assert KEY.encode()[LOOSE + 1 :] not in clean
    assert len(clean) == len(whole)


@given(pieces=st.lists(st.text("sk-real0x \n").map(str.encode)))
def test_a_text_without_the_key_passes_as_it_is(pieces: list[bytes]) -> None:
    """What holds no key passes byte for byte."""
    assert passed(Scrubber(KEY), *pieces) == b"".join(pieces)


def test_a_short_beginning_is_not_held_back() -> None:
    """A piece that ends as a key begins passes at once: a stream must not stall."""
    scrubber = Scrubber(KEY)
    assert scrubber.feed(b"data: s") == b"data: s"
    assert scrubber.feed(KEY[1:].encode() + b"!") == b"*" * (len(KEY) - 1) + b"!"


def test_an_end_in_the_middle_of_a_key_is_starred() -> None:
    """A body that ends within a key shows less than half of it."""
    assert passed(Scrubber(KEY), b"x" + KEY[:-3].encode()) == b"x" + b"*" * (len(KEY) - 3)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_coded_body_is_decoded(size: int) -> None:
    """What comes gzipped is given plain, without the key."""
    coded, scrubber = gzip.compress(f"before {KEY} after".encode()), Scrubber(KEY)
    assert scrubber.begin("gzip") is True
    pieces = [coded[at : at + size] for at in range(0, len(coded), size)]
    clean, begins = passed(scrubber, *pieces), len(b"before ")
    assert clean[begins + LOOSE :] == b"*" * (len(KEY) - LOOSE) + b" after"


def test_an_unknown_coding_is_told() -> None:
    """A coding that cannot be undone is said at the beginning."""
    assert Scrubber(KEY).begin("x-secret") is False


def test_a_scrubber_shows_no_key() -> None:
    """Its repr is without the key."""
    assert KEY not in repr(Scrubber(KEY))
