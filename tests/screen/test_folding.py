import pytest

from leash_addon.screen.confusables import lookalikes
from leash_addon.screen.folding import Folding
from leash_addon.screen.letters import plain
from leash_addon.screen.spacing import spaced, telling

PASSED = (*range(0x80, 0xD800), *range(0xE000, 0x32000), *range(0x32000, 0x110000, 97))
"""Every character of the planes that have any, and some of the rest."""


def test_what_is_passed_over_stands_for_itself() -> None:
    """Of what folding does not look at, no character stands for another or looks like a letter."""
    passed = [char for char in map(chr, PASSED) if not telling(char)]
    assert len(passed) > 60_000
    assert [char for char in passed if plain(char) != char] == []
    assert not lookalikes().keys() & set(map(ord, passed))


@pytest.mark.parametrize("size", range(1, 40))
def test_blanks_of_any_number_become_one(size: int) -> None:
    """However many blanks stand together, one is read, and none beside the end of a line."""
    assert spaced("a" + " " * size + "b") == "a b"
    assert spaced("a" + " " * size + "\n" + " " * size + "b") == "a\nb"


def test_masks_are_folded_wherever_they_stand() -> None:
    """Each word that mixes scripts is folded, and what stands between words is left."""
    text = "\u0456gnore, \u0456gnore1\u0456gnore \u5b57 \u043d\u043e"
    assert Folding().fold(text) == "ignore, ignore1ignore \u5b57 \u043d\u043e"
