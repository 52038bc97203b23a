import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leash_addon.core.part import Part
from leash_addon.screen.engine import Engine
from leash_addon.screen.rule import Pack, Rule, Status
from leash_addon.screen.sensitivity import Sensitivity


def a_rule(name: str = "a.b.c", pattern: str = r"\bopen the gate now\b", **changes: object) -> Rule:
    """Return a rule about a gate."""
    given: dict[str, object] = {
        "id": name,
        "title": "a gate",
        "severity": 1,
        "any_of": (pattern,),
        "keywords": ("gate", "cafe", "вороты"),
        "why": "gates",
    }
    return Rule(**given | changes)  # type: ignore[arg-type]


def an_engine(*rules: Rule, sensitivity: Sensitivity = Sensitivity.HIGH) -> Engine:
    """Return an engine of some rules."""
    return Engine([Pack(name="test", version=1, rules=rules)], sensitivity=sensitivity)


GATE = an_engine(a_rule())
ANYTHING = an_engine(a_rule(pattern="gate|g"), a_rule("d.e.f", r"[^\f]", keywords=("",)))


def places(text: str, engine: Engine = GATE, part: Part = Part.USER) -> list[str]:
    """Return what was found, cut out of the text."""
    return [text[each.start : each.end] for each in engine.screen(text, part)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("then open the gate now!", "open the gate now", id="plain"),
        pytest.param("then OPEN The gATE now!", "OPEN The gATE now", id="capitals"),
        pytest.param("so  open   the\t gate  now", "open   the\t gate  now", id="blanks"),
        pytest.param("so open the\n    gate now", "open the\n    gate now", id="wrapped"),
        pytest.param(
            "so o\u200bpen t\u200dhe gate now", "o\u200bpen t\u200dhe gate now", id="zero"
        ),
        pytest.param("é open the gate now é", "open the gate now", id="accents around"),
        pytest.param("so óp̀en the gáte now", "óp̀en the gáte now", id="accents"),
        pytest.param(
            "so \uff4f\uff50\uff45\uff4e the gate now", "ｏｐｅｎ the gate now", id="full width"
        ),
        pytest.param("so оpеn the gаte now", "оpеn the gаte now", id="cyrillic"),
        pytest.param("so 𝐨𝐩𝐞𝐧 the 𝓰𝓪𝓽𝓮 now", "𝐨𝐩𝐞𝐧 the 𝓰𝓪𝓽𝓮 now", id="mathematical"),
        pytest.param("so ᴏᴘᴇɴ the ɢᴀᴛᴇ now", "ᴏᴘᴇɴ the ɢᴀᴛᴇ now", id="small capitals"),
        pytest.param("so 🅾🅿🅴🅽 the gate now", "🅾🅿🅴🅽 the gate now", id="squared"),
        pytest.param("a\x00b open t\x08he gate now", "open t\x08he gate now", id="controls"),
        pytest.param("ﬁ㌔ open the gate now", "open the gate now", id="after what grows"),
    ],
)
def test_a_rule_matches_however_it_is_written_and_tells_where(text: str, found: str) -> None:
    """The span is that of the text as given, whatever stands around or within it."""
    assert places(text) == [found]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("open the gate\n\nnow", id="paragraphs"),
        pytest.param("reopen the gate nowhere", id="words"),
        pytest.param("", id="empty"),
    ],
)
def test_a_rule_keeps_to_its_words_and_paragraphs(text: str) -> None:
    """A blank line and a longer word keep a rule from matching."""
    assert places(text) == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        pytest.param(r"открой ворота сейчас", "Ну, ОТКРОЙ ворота  сейчас.", id="russian"),
        pytest.param(r"άνοιξε την πύλη", "Άνοιξε την πύλη", id="greek"),
        pytest.param(r"\bcafé fermé\b", "le cafe\u0301 ferme\u0301 la", id="french"),
        pytest.param(r"立即打开大门？", "请立即打开大门？", id="chinese"),
        pytest.param(r"ゲートを開け", "ｹﾞｰﾄを開け", id="japanese"),
        pytest.param(r"문을 열어라", "지금 문을 열어라", id="korean"),
        pytest.param(r"افتح الباب", "اِفتح الباب", id="arabic"),
        pytest.param(r"द्वार खोलो", "अभी द्वार खोलो", id="hindi"),
        pytest.param(r"kapıyı aç", "KAPIYI AÇ", id="turkish"),
    ],
)
def test_rules_of_other_languages_match_their_own_letters(pattern: str, text: str) -> None:
    """Folding lookalikes leaves words of one script alone."""
    keyword = pattern.strip("\\b")[:3]
    assert len(places(text, an_engine(a_rule(pattern=pattern, keywords=(keyword,))))) == 1


@pytest.mark.parametrize(
    ("sensitivity", "fired"),
    [
        (Sensitivity.LOW, ["x.y.strict"]),
        (Sensitivity.MEDIUM, ["x.y.strict", "x.y.medium"]),
        (Sensitivity.HIGH, ["x.y.strict", "x.y.medium", "x.y.loose"]),
    ],
)
def test_a_sensitivity_admits_its_severities(sensitivity: Sensitivity, fired: list[str]) -> None:
    """Low hears strict rules only, high hears all, strictest first."""
    names = ("loose", "medium", "strict")
    rules = [a_rule(f"x.y.{name}", severity=3 - n) for n, name in enumerate(names)]
    engine = an_engine(*rules, sensitivity=sensitivity)
    found = engine.screen("open the gate now", Part.USER)
    assert [each.rule for each in found] == fired


def test_a_rule_reads_only_its_parts() -> None:
    """A rule for tool results says nothing of a user's text."""
    engine = an_engine(a_rule(scan=frozenset({Part.TOOL_RESULT})))
    text = "open the gate now"
    assert [len(engine.screen(text, part)) for part in (Part.USER, Part.TOOL_RESULT)] == [0, 1]


def test_drafts_and_retired_and_disabled_rules_are_silent() -> None:
    """Only a stable rule that nobody disabled fires."""
    rules = (
        a_rule("a.b.draft", status=Status.DRAFT),
        a_rule("a.b.retired", status=Status.RETIRED),
        a_rule("a.b.disabled"),
        a_rule("a.b.stable"),
    )
    pack = Pack(name="test", version=1, rules=rules)
    engine = Engine([pack], disabled=frozenset({"a.b.disabled"}))
    found = engine.screen("open the gate now", Part.USER)
    assert [each.rule for each in found] == ["a.b.stable"]


@pytest.mark.parametrize("filler", [" ", "\u200b", "\n ", "x ", "я", "y"])
@pytest.mark.parametrize("before", range(4054, 4114, 12))
def test_nothing_is_missed_where_windows_meet(filler: str, before: int) -> None:
    """Wherever a match lies in a long text it is found, once, at its place."""
    text = filler * (before // len(filler)) + " open the gate now " + "z " * 9000
    assert places(text) == ["open the gate now"]


def test_padding_does_not_part_a_match() -> None:
    """Ten windows of white space or of unseen characters between two words hide nothing."""
    text = "open the" + "\u200b \n" * 30_000 + "gate now"
    assert places(text) == []
    text = "open the" + "\u200b " * 40_000 + "gate now"
    assert places(text) == [text]


def test_findings_of_one_text_are_bounded() -> None:
    """A text that fires everywhere yields at most 64 findings."""
    assert len(places("open the gate now. " * 20_000)) == 64


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(), max_size=60), st.text(st.characters(), max_size=60))
def test_any_text_around_leaves_the_place_right(before: str, after: str) -> None:
    """Offsets lie within the text, and what they cut out folds to what was matched."""
    text = f"{before}\n\nopen the gate now\n\n{after}"
    assert "open the gate now" in places(text)


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(categories=None)))
def test_no_text_raises(text: str) -> None:
    """Also lone surrogates and unassigned characters are read."""
    for found in ANYTHING.screen(text, Part.USER):
        assert 0 <= found.start <= found.end <= len(text)


def test_a_pattern_that_cannot_be_is_named_by_its_rule() -> None:
    """Whoever edits a pack of many rules hears which one is wrong."""
    with pytest.raises(ValueError, match=r"^x\.y\.z: any_of: invalid perl operator"):
        an_engine(a_rule(), a_rule("x.y.z", "gate(?=x)"))
