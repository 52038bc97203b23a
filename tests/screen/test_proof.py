from dataclasses import replace

import pytest

from leash_addon.screen.folding import Folding
from leash_addon.screen.proof.bounds import unbounded
from leash_addon.screen.proof.packs import broken
from leash_addon.screen.rule import Pack, Rule, Status

FOLDING = Folding()
SOUND = Rule(
    id="a.gate.open",
    title="Opens a gate",
    severity=1,
    any_of=(r"\bopen .{0,20}\bgate now\b", r"\bgate must open\b"),
    keywords=("gate",),
    why="gates",
    match=("Open the old gate now.", "The gate must open!"),
    no_match=("The gate was opened.", "Open the door now."),
)


def told(*rules: Rule, benign: str = "") -> list[str]:
    """Return what a pack of some rules is told."""
    return list(broken([Pack(name="p", version=1, rules=rules)], benign))


def test_a_sound_rule_breaks_no_promise() -> None:
    """Nothing is told of a rule that keeps them all."""
    assert told(SOUND) == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"id": "gate"}, "id: is class.family.name"),
        ({"any_of": ("(gate",)}, "any_of: (gate: missing ): (gate"),
        ({"any_of": ("(?:gate)?",)}, "any_of: (?:gate)?: matches nothing at all"),
        ({"any_of": ("gate(?=x)",)}, "any_of: gate(?=x): invalid perl operator: (?="),
        ({"any_of": (r"\bopen .*gate now\b", SOUND.any_of[1])}, ".*: a gap needs an end"),
        ({"match": SOUND.match[:1]}, "examples.match: at least 2 are needed, here are 1"),
        ({"match": SOUND.match[:1] * 2}, r"any_of: no example needs \bgate must open\b"),
        ({"no_match": ()}, "examples.no_match: at least 2 are needed, here are 0"),
        (
            {"match": (*SOUND.match, "a door")},
            "examples.match: does not fire as written: 'a door'",
        ),
        (
            {"no_match": (*SOUND.no_match, "gate must open")},
            "examples.no_match: fires in full width: 'gate must open'",
        ),
        (
            {"any_of": (*SOUND.any_of, r"\bOpen  gate\b"), "match": (*SOUND.match, "Open  gate")},
            "examples.match: does not fire as written: 'Open  gate'",
        ),
        ({"keywords": ("ga",)}, "keywords: 'ga': has fewer than 3 letters"),
        ({"keywords": ("Gate",)}, "keywords: 'Gate': is to be in lower case"),
        ({"keywords": ("must",)}, "keywords: none is in what matches, 'open the old gate now'"),
        ({"keywords": ()}, "keywords: at least one is needed"),
        ({"known_miss": ("gate must open",)}, "known_miss: fires now, it belongs in examples.mat"),
        ({"known_false_alarm": ("no",)}, "known_false_alarm: silent now, it belongs in examples"),
        ({"any_of": (*SOUND.any_of, "[à-ü]gate")}, "[à-ü]gate: an end of a range is an accented"),
        ({"any_of": (*SOUND.any_of, r"\bворота")}, r"\b knows ASCII letters only"),
    ],
)
def test_a_broken_promise_is_told(changes: dict[str, object], line: str) -> None:
    """Pack, rule and promise are named on one line."""
    lines = told(replace(SOUND, **changes))  # type: ignore[arg-type]
    assert [one for one in lines if line in one and one.startswith("p: ")] != []


def test_a_keyword_of_two_letters_will_do_in_chinese() -> None:
    """Two characters are a word where words are short."""
    rule = replace(
        SOUND,
        any_of=("打开.{0,4}大门",),
        keywords=("大门",),
        match=("请打开大门", "打开这大门"),
    )
    assert told(rule) == []


def test_an_id_belongs_to_one_rule() -> None:
    """Two rules of one id are told, also in two packs."""
    pack = Pack(name="p", version=1, rules=(SOUND,))
    assert list(broken([pack, pack], "")) == ["a.gate.open: 2 rules have this id"]


def test_only_a_retired_rule_is_replaced() -> None:
    """A rule that replaces a live one is told; a retired one needs no proof."""
    old = replace(SOUND, id="a.gate.old", match=())
    new = replace(SOUND, replaces=("a.gate.old",))
    assert told(new, replace(old, status=Status.RETIRED)) == []
    assert "a.gate.open: replaces: a.gate.old is not retired" in told(new, old)


def test_no_rule_fires_on_ordinary_text() -> None:
    """A draft that fires on the benign corpus is told with the text."""
    rule = replace(SOUND, status=Status.DRAFT)
    assert told(rule, benign="All is well.\n\nOpen the gate now\n\nBye.") == [
        "a.gate.open: fires on the ordinary text 'Open the gate now'"
    ]


@pytest.mark.parametrize(
    ("pattern", "pieces"),
    [
        (r"a.{0,30}b", []),
        (r"a\s*b *c\s{2,}d", []),
        (r"a.*b", [".*"]),
        (r"a[^\]x]+b", [r"[^\]x]+"]),
        (r"(?:ab|c.)*d", ["(?:ab|c.)*"]),
        (r"a\.*", [r"\.*"]),
        (r"a\x{4e00}+", [r"\x{4e00}+"]),
        (r"[*+{]a{3}", []),
        (r"a{3,}", ["a{3,}"]),
        (r"a{0,500}", ["a{0,500}"]),
        (r"(a(b){2})+?", ["(a(b){2})+"]),
        (r"\p{L}+\*", [r"\p{L}+"]),
    ],
)
def test_a_gap_without_end_is_found(pattern: str, pieces: list[str]) -> None:
    """Only white space may repeat for ever."""
    assert unbounded(pattern) == pieces


def test_an_example_that_never_fires_is_told_once() -> None:
    """Its other ways of writing would only say the same again."""
    rule = replace(SOUND, match=(*SOUND.match, "a door"))
    assert told(rule) == ["p: a.gate.open: examples.match: does not fire as written: 'a door'"]


def test_a_rule_without_keywords_is_told_once() -> None:
    """What matches lacks no word where no word is named."""
    assert told(replace(SOUND, keywords=())) == ["p: a.gate.open: keywords: at least one is needed"]
