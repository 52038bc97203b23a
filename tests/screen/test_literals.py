from itertools import islice

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from leash_addon.screen.literals import needed
from leash_addon.screen.prefilter import Prefilter
from leash_addon.screen.spacing import spaced
from leash_addon.screen.views.turned import PLAIN, TURNS, Span, Turned, turned

CELL = 320


@pytest.mark.parametrize(
    ("pattern", "strings"),
    [
        (
            r"\b(?:ignore|forget)[ \n].{0,9}\bmy (?:rules|orders?)\b",
            [{"ignore ", "forget "}, {"my rules", "my order"}],
        ),
        (r"(?m)^system:\s", [{"system:"}]),
        (r"\[/?inst\]", [{"[inst]", "[/inst]"}]),
        (r"<\|im_(?:start|end)\|>", [{"<|im_start|>", "<|im_end|>"}]),
        (r"忽略.{0,4}(?:指令|指示)", [{"忽略"}, {"指令", "指示"}]),
        (r"\x{4e00}Abc\pL+\W{0,3}\p{Greek}", [{"一abc"}]),
        (r"(?i:gate){2}", [{"gate"}]),
        (r"(?:gate)?door|window", [{"door", "window"}]),
        (r"[^a]]bcd", [{"]bcd"}]),
        (r"[gG]ate[ \n]now", [{"gate now"}]),
        (r"gate\nnow", [{"gate now"}]),
        (r"ab |of me", []),
        (r"(?:gate)?", []),
        (r"[a-z]{12}", []),
        (r"(?:gate|[a-z]x)", []),
        (r"\S\S", []),
        (r"a(", []),
    ],
)
def test_a_pattern_needs_its_longest_strings(pattern: str, strings: list[set[str]]) -> None:
    """Each clause is a set of strings of which every match has one; a doubt needs nothing."""
    found = [set(clause.strings) for clause in needed(pattern).clauses]
    assert found == strings


WORDS = st.sampled_from(["open", "gate", "now", "x", "再开", "ij"])
PIECES = st.recursive(
    st.one_of(
        WORDS, st.sampled_from([r"\b", ".", "[ab]", r"[ \n]", r"\s", "[^x]", "(?i)", r"\x{67}ate"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda each: f"(?:{'|'.join(each)})"),
        st.tuples(inner, st.sampled_from(["?", "{0,2}", "{1,2}", "{2}", "+", "*"])).map(
            lambda each: f"(?:{each[0]}){each[1]}"
        ),
    ),
    max_leaves=8,
)


TEXTS = st.lists(st.one_of(WORDS, st.sampled_from([" ", "\n", "ab", "a"]))).map("".join)
OPTIONS = re2.Options()
OPTIONS.log_errors = False
OPTIONS.case_sensitive = False


@settings(max_examples=150, deadline=None)
@given(PIECES, TEXTS.map(spaced))
def test_what_matches_has_what_is_needed(pattern: str, text: str) -> None:
    """Whatever RE2 matches holds a string of every clause."""
    match = re2.compile(pattern, OPTIONS).search(text)
    if match is not None:
        words = match.group().replace("\n", " ")
        need = needed(pattern)
        assert [c for c in need.clauses if not any(s in words for s in c.strings)] == []
        assert len(match.group()) <= need.longest


@settings(max_examples=200, deadline=None)
@given(PIECES, TEXTS, st.integers(0, 130), st.sampled_from(["x", "é", " "]))
def test_what_matches_lies_in_a_likely_stretch(
    pattern: str, text: str, before: int, filler: str
) -> None:
    """Wherever it stands, turned or not, a match lies whole in one of its pattern's stretches."""
    text = spaced(filler * before + text + filler * 90)
    need = needed(pattern)
    texts = Turned(text)
    for view in (PLAIN, *TURNS) if need.clauses else ():
        raw = texts.raw(view)
        wanted = turned(need, view) if view else need
        stretches = [
            Span(each.start, each.end).turned(view, len(raw))
            for each in Prefilter([wanted]).likely(texts.raw())
        ]
        for match in islice(re2.compile(pattern, OPTIONS).finditer(raw), 3):
            assert any(start <= match.start() and match.end() <= end for start, end in stretches)


@pytest.mark.parametrize("before", range(0, 3 * CELL, 37))
def test_a_match_lies_in_a_likely_stretch(before: int) -> None:
    """Wherever it begins, a match as long as its pattern can match lies in one stretch whole."""
    gap = CELL - len("open gate")
    text = b"x" * before + b"open" + b" " * gap + b" gate" + b"x" * 700
    prefilter = Prefilter([needed("open {0,300}gate"), needed("never")])
    end = before + CELL
    assert [
        each.pattern
        for each in prefilter.likely(text)
        if each.start <= before and each.end >= min(end, len(text))
    ] == [0]


def test_strings_far_apart_are_no_match() -> None:
    """Two strings that stand too far from each other for one match leave nothing to try."""
    prefilter = Prefilter([needed("open {0,300}gate")])
    assert list(prefilter.likely(b"open" + b" " * 2000 + b"gate")) == []


def test_the_end_of_a_line_is_a_blank() -> None:
    """A pattern's blank, which also stands for the end of a line, is looked for as both."""
    prefilter = Prefilter([needed(r"open[ \n]gate")])
    assert [each.pattern for each in prefilter.likely(b"open\ngate")] == [0]
    assert [each.pattern for each in prefilter.likely(b"open gate")] == [0]
    assert list(prefilter.likely(b"opengate")) == []
