"""A finding is where its words stand in the text as given, whatever surrounds them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leash_addon.core.part import Part
from leash_addon.screen.engine import Engine
from leash_addon.screen.rule import Pack, Rule
from leash_addon.screen.sensitivity import Sensitivity

WORDS = "sing the old song"
RULE = Rule(
    id="own.sing.song",
    title="Sing",
    severity=3,
    any_of=(r"\bsing the old song\b",),
    keywords=("sing",),
    why="",
)
ENGINE = Engine([Pack(name="own", version=1, rules=(RULE,))], sensitivity=Sensitivity.HIGH)


def found(text: str) -> list[str]:
    """Return what of a text the rule fires on."""
    return [text[each.start : each.end] for each in ENGINE.screen(text, Part.USER)]


@pytest.mark.parametrize("count", [127, 600, 2500])
@pytest.mark.parametrize("first", ["", "x"])
@pytest.mark.parametrize(
    "unit",
    [
        pytest.param("か\u3099", id="kana and voicing"),
        pytest.param("ｶﾞ", id="halfwidth kana and voicing"),
        pytest.param("\u1112\u1161\u11ab", id="parts of a Hangul syllable"),
        pytest.param("न\u093c", id="a letter and its dot"),
        pytest.param("\u09c7\u09be", id="two halves of a vowel"),
        pytest.param("か\u200b\u200b\u3099", id="something unseen between"),
        pytest.param("e\u0301", id="an accent that is dropped"),
        pytest.param("\u200b" * 9, id="unseen characters"),
        pytest.param(" \t\n", id="white space"),
    ],
)
def test_what_composes_moves_no_finding(unit: str, first: str, count: int) -> None:
    """A redaction at another place would leave the words and blot out something else."""
    text = f"{first}{unit * count} {WORDS} {unit * 60}"
    assert found(text) == [WORDS]


FILL = st.text(
    st.sampled_from(
        "ab \n\téяк指か\u3099ﾞ\u1100\u1161\u11a8न\u093c\u093f\u200b\u0301ß\ufdfaﬁ\ud800"
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(FILL, st.integers(0, 1500), FILL, st.integers(0, 1500))
def test_a_finding_is_where_its_words_stand(
    before: str, times: int, after: str, again: int
) -> None:
    """In any of several windows, after any mixture."""
    text = f"{before * times}. {WORDS}. {after * again}\n{WORDS}."
    assert set(found(text)) == {WORDS}
