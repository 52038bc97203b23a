import unicodedata

import pytest

from leash_addon.screen.confusables import lookalikes
from leash_addon.screen.folding import Folding
from leash_addon.screen.letters import DRAWN, LATIN, plain
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


def test_what_a_character_stands_for_stands_for_itself() -> None:
    """No character of the first two planes stands for one that stands for another."""
    stood = {plain(char) for char in map(chr, range(0x80, 0x20000))}
    assert [each for each in stood if "".join(map(plain, each)) != each] == []


def test_no_other_character_is_a_drawn_letter_by_its_name() -> None:
    """Of what is not looked up, no character has the name of a letter drawn in another way."""
    rest = [char for char in map(chr, PASSED) if not LATIN.match(char)]
    assert [char for char in rest if DRAWN.fullmatch(unicodedata.name(char, ""))] == []


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        pytest.param("\u0430\u0441\u0435", "ace", id="nothing genuine"),
        pytest.param(
            "\u0430\u0441\u0435 \u0434\u0430", "\u0430\u0441\u0435 \u0434\u0430", id="genuine"
        ),
        pytest.param("\u0430\u0441\u0435 \u03b4\u03b1", "ace \u03b4\u03b1", id="genuine elsewhere"),
        pytest.param("\u0430\u0441\u0435 w\u0434", "ace w\u0434", id="a mixed word is not genuine"),
        pytest.param(
            "w\u0430 \u0430\u0441\u0435 \u0434", "wa \u0430\u0441\u0435 \u0434", id="both"
        ),
        pytest.param("\u0430\u0441\u0435 \u5b57", "ace \u5b57", id="another script stands alone"),
        pytest.param("\u0430\u5b57 \u0434 x", "\u0430\u5b57 \u0434 x", id="an ideograph mixes"),
        pytest.param("x\u0430\u5b57 \u0434", "xa\u5b57 \u0434", id="an ideograph in a mask"),
    ],
)
def test_a_word_of_lookalikes_is_folded_where_no_word_of_its_script_is_genuine(
    text: str, folded: str
) -> None:
    """A word that looks Latin throughout is Latin, unless its script is written beside it."""
    assert Folding().fold(text) == folded


def test_many_kinds_of_characters_fold_as_few_do() -> None:
    """Replacing each kind in turn, and all in one go, give the same."""
    few, many = "caf\u00e9 \u201cna\u00efve\u201d ", "".join(map(chr, range(0xC0, 0x17F)))
    folding = Folding()
    assert folding.fold(few * 9 + many) == folding.fold(few) * 9 + folding.fold(many)
    assert folding.fold(many + few) == folding.fold(many) + folding.fold(few)
