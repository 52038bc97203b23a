"""A narrowed pattern matches wherever the pattern does, so that nothing is missed."""

import re

import hyperscan
import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from leash_addon.screen.folding import Folding
from leash_addon.screen.narrow import narrowed, narrowed_pattern
from leash_addon.screen.pattern import compiled, options, translated

FOLDING = Folding()
WORDS = [
    "ignore",
    "a",
    "правила",
    "指示",
    "σοφός",
    "x1",
    "_",
    "é",
    "ß",
    "ığ",
    "😀",
    "-",
    ".",
    "\\w",
]
GAPS = [" ", ".{0,4}", "\\W{1,3}", "[^\\n]{0,3}", "\\s?", "[а-я ]{1,3}", "\\b", "[^。,]{0,2}", "."]
CLASSES = [
    *("[a-c]", "[^a]", "[\\w.]", "[^\\s]", "\\p{L}", "\\p{Cyrillic}", "[^\\p{L}]", "[[:alpha:]]"),
    *("\\PL", "[А-Я]", "\\x{4e00}", "[A-Z]", "[^A-Z]", "\\S", "\\D", "[\\x{400}-\\x{4ff}]", "ς"),
]
TEXTS = st.text(
    st.one_of(
        st.sampled_from("ignore правила指示σοφός x1_éßığ😀-.,。\n\t KſςΣ\ud800"),
        st.characters(),
    ),
    max_size=24,
)


@st.composite
def patterns(draw: st.DrawFn) -> str:
    """Draw a pattern of words, gaps and classes, some in groups and alternatives."""
    pieces = draw(
        st.lists(st.sampled_from([*WORDS, *GAPS, *CLASSES]), min_size=1, max_size=4).filter(
            lambda found: found[0] != "\\b" or len(found) > 1
        )
    )
    if draw(st.booleans()):
        other = draw(st.sampled_from(WORDS))
        return f"(?:{''.join(pieces)}|{re.escape(other)})" if draw(st.booleans()) else other
    return "".join(pieces)


def hears(pattern: bytes, text: bytes) -> bool:
    """Tell whether an automaton of one pattern reports a text."""
    database = hyperscan.Database()
    database.compile(
        expressions=[pattern],
        ids=[0],
        elements=1,
        flags=hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_ALLOWEMPTY,
    )
    heard: list[int] = []
    database.scan(
        text,
        match_event_handler=lambda number, *_: heard.append(number),
        scratch=hyperscan.Scratch(database),
    )
    return bool(heard)


@settings(max_examples=300, deadline=None)
@given(pattern=patterns(), around=TEXTS, after=TEXTS, word=st.sampled_from(WORDS))
def test_what_re2_finds_an_automaton_hears(
    pattern: str, around: str, after: str, word: str
) -> None:
    """Over-reporting costs time; a match that is not reported would be an attack missed."""
    text = FOLDING.fold(around + word + after)
    found = compiled(pattern, FOLDING).search(text)
    if found is not None and found.group():
        assert hears(narrowed_pattern(translated(pattern, FOLDING)), narrowed(text))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        pytest.param("x[^а]y", "x亰y", id="a letter with the byte of one that is left out"),
        pytest.param("x[^а-я]y", "x亰y", id="a letter with the byte of a range"),
        pytest.param("σοφόσ", "σοφός", id="the other small sigma"),
        pytest.param("x\\p{L}y", "xяy", id="a letter beyond ASCII"),
        pytest.param("x\\p{Greek}y", "xλy", id="a letter of a script"),
        pytest.param("x\\P{Greek}y", "xяy", id="a letter of another script"),
        pytest.param("x[^\\p{Greek}]y", "xяy", id="none of a script"),
        pytest.param("x[^A-Z]y", "x亰y", id="not a capital"),
        pytest.param("[A-C]X", "bx", id="capitals in a pattern"),
        pytest.param("(?m)^x$", "a\nx\nb", id="a line"),
        pytest.param("x[\\x{430}-\\x{44f}]y", "xяy", id="a range of code points"),
        pytest.param("\\bign", "指ign", id="a word beside an ideograph"),
        pytest.param("x[^\\p{P}]y", "x y", id="all but a property that is not tabled"),
        pytest.param("x[^\\p{Lu}]y", "x1y", id="all but another one"),
        pytest.param("x[^\\p{^L}]y", "xay", id="twice not a letter"),
        pytest.param("x[^\\x{131}]y", "xiy", id="all but a letter whose capital is ASCII"),
        pytest.param("x\\x{17f}y", "xsy", id="an ASCII letter by its other form"),
        pytest.param("x[\\x{2100}-\\x{214f}]y", "xky", id="a range with the Kelvin sign"),
        pytest.param("правила", "пра\u1c80ила", id="a form of a Cyrillic letter"),
        pytest.param("x\x00|sing", "sing", id="a NUL in a pattern"),
        pytest.param("[[:alpha:]-z]x", "-x", id="a class that is no end of a range"),
    ],
)
def test_letters_that_share_a_byte_hide_nothing(pattern: str, text: str) -> None:
    """What a class leaves out, it leaves out by character; a byte stands for many."""
    folded = FOLDING.fold(text)
    assert compiled(pattern, FOLDING).search(folded) is not None
    assert hears(narrowed_pattern(translated(pattern, FOLDING)), narrowed(folded))


def test_what_re2_takes_for_one_letter_has_the_bytes_of_each() -> None:
    """Every letter that has a case, in any form that folded text keeps."""
    cased = [chr(code) for code in range(128, 0x1_0000) if chr(code).swapcase() != chr(code)]
    kept = "".join(set("".join(map(FOLDING.fold, cased))))
    missed = [
        (char, form)
        for char in kept
        if not char.isascii()
        for form in re2.compile(char, options()).findall(kept)
        if not re.search(narrowed_pattern(char), narrowed(form))
    ]
    assert missed == []
    assert not {"ſ", "\u212a"} & set(kept)


@settings(max_examples=60)
@given(st.text())
def test_a_narrowed_text_has_one_byte_for_each_character(text: str) -> None:
    """ASCII is itself; everything else is above it."""
    raw = narrowed(text)
    assert len(raw) == len(text)
    assert [byte for byte, char in zip(raw, text, strict=True) if char.isascii()] == [
        ord(char) for char in text if char.isascii()
    ]
    assert all(byte > 127 for byte, char in zip(raw, text, strict=True) if not char.isascii())


@pytest.mark.parametrize(
    "pattern",
    [
        *("(?-i:Sing)", "(?U)a+", "\\Qa.b\\E", "\\C", "(?P<name>a)", "[[:nothing:]]", "\\Ba"),
        *(
            "[ -[:xdigit:]]",
            "\\x{fffffffffffff}",
            "[z-a]",
            "[bz-a]",
            "a{,2}",
            "\\x",
            "[a",
            "xb(?i)?",
        ),
    ],
)
def test_what_is_not_understood_is_left_to_others(pattern: str) -> None:
    """Guessing could miss a match."""
    with pytest.raises(ValueError, match=r"."):
        narrowed_pattern(pattern)
