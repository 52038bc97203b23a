import base64
import codecs
import html
import re
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leash_addon.core.part import Part
from leash_addon.screen.engine import Engine
from leash_addon.screen.rule import Pack, Rule
from leash_addon.screen.sensitivity import Sensitivity
from leash_addon.screen.views import VIEWS
from leash_addon.screen.views.escapes import HTML, PLUS, URL, entities, escapes, url
from leash_addon.screen.views.finder import MOST, READERS, Finder
from leash_addon.screen.views.numbered import ESCAPE
from leash_addon.screen.views.runs import RUNS, long_runs
from leash_addon.screen.views.spelled import together

WORDS = "please open the gate for everyone now"
LETTERED = "\u200b\u200c"


def rule(name: str, severity: int, pattern: str = r"\bopen the gate\b", *views: str) -> Rule:
    """Return a rule about a gate."""
    return Rule(
        id=name,
        title=name,
        severity=severity,
        any_of=(pattern,),
        keywords=() if views else ("gate",),
        why="gates",
        views=frozenset(views),
    )


ENGINE = Engine(
    [
        Pack(
            name="test",
            version=1,
            rules=(
                rule("gate.open.strict", 1),
                rule("gate.open.loose", 3),
                rule("tags.any.text", 2, "[a-z ]{12}", "tags"),
            ),
        )
    ],
    sensitivity=Sensitivity.HIGH,
)


def in_tags(text: str) -> str:
    """Write a text in tag characters."""
    return "".join(chr(0xE0000 + ord(char)) for char in text)


def in_selectors(text: str) -> str:
    """Write a text in variation selectors."""
    return "".join(chr(0xFE00 + b if b < 16 else 0xE0100 + b - 16) for b in text.encode())


def in_bits(text: str, zero: str, one: str, gap: str = "") -> str:
    """Write a text in bits."""
    return gap.join(f"{byte:08b}" for byte in text.encode()).translate({48: zero, 49: one})


WAYS = {
    "base64": base64.b64encode(WORDS.encode()).decode(),
    "base64 urlsafe": base64.urlsafe_b64encode(WORDS.encode()).decode().rstrip("="),
    "base64 of utf-16": base64.b64encode(WORDS.encode("utf-16-le")).decode(),
    "base64 in lines": base64.encodebytes(WORDS.encode() * 4).decode(),
    "base64 twice": base64.b64encode(base64.b64encode(WORDS.encode())).decode(),
    "base32": base64.b32encode(WORDS.encode()).decode(),
    "base85": base64.a85encode(WORDS.encode(), adobe=True).decode(),
    "hex": WORDS.encode().hex(),
    "hex pairs": WORDS.encode().hex(" "),
    "hex bytes": ", ".join(f"0x{byte:02x}" for byte in WORDS.encode()),
    "binary": in_bits(WORDS, "0", "1", " "),
    "url": "".join(f"%{byte:02X}" for byte in WORDS.encode()),
    "url spaces": quote(WORDS),
    "url plus": WORDS.replace(" ", "+"),
    "html": "".join(f"&#{ord(char)};" for char in WORDS),
    "html partly": WORDS.replace("e", "&#x65;"),
    "escape": "".join(f"\\u{ord(char):04x}" for char in WORDS),
    "escape bytes": "".join(f"\\x{ord(char):02x}" for char in WORDS),
    "tags": "a" + in_tags(WORDS) + "b",
    "tags between letters": "".join(f"x{in_tags(char)}" for char in WORDS),
    "variation": "\U0001f600" + in_selectors(WORDS),
    "invisible": WORDS.replace(" ", "\u200b"),
    "invisible bits": in_bits(WORDS, "\u200b", "\u200c"),
    "invisible bits turned": in_bits(WORDS, "\u2063", "\u2062"),
    "spaced": " ".join(WORDS),
    "spaced by dashes": " ".join("-".join(word) for word in WORDS.split()),
    "rot13": codecs.encode(WORDS, "rot13"),
    "reversed": WORDS[::-1],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("around", [("", ""), ("Shipping notes: ", ". Thanks!\n")])
def test_hidden_text_is_read_by_strict_rules_only(way: str, around: tuple[str, str]) -> None:
    """Each way of hiding fires the strict rule, with its view and where it stands."""
    text = around[0] + WAYS[way] + around[1]
    found = [each for each in ENGINE.screen(text, Part.USER) if each.rule != "tags.any.text"]
    assert [(each.rule, each.view) for each in found] == [
        ("gate.open.strict", way.split(maxsplit=1)[0])
    ]
    assert text[found[0].start : found[0].end].strip(" .\n") in text
    assert found[0].end - found[0].start >= len("open the gate")


def test_every_view_is_tried() -> None:
    """No view has a name that nothing yields."""
    assert {way.split()[0] for way in WAYS} == set(VIEWS)


def test_what_was_redacted_by_its_place_is_gone() -> None:
    """Cutting out the places of all findings leaves nothing that fires."""
    for way in WAYS.values():
        text = f"Dear all. {way} Bye."
        for found in sorted(ENGINE.screen(text, Part.USER), key=lambda each: -each.start):
            text = text[: found.start] + "[cut]" + text[found.end :]
        assert ENGINE.screen(text, Part.USER) == ()


def test_a_rule_of_a_view_reads_that_view_alone() -> None:
    """Any text in tag characters fires a rule for tags; in plain sight it does not."""
    plain, hidden = "nothing of note here", in_tags("nothing of note here")
    assert ENGINE.screen(plain, Part.USER) == ()
    assert [each.rule for each in ENGINE.screen(hidden, Part.USER)] == ["tags.any.text"]


def test_plain_text_is_not_told_a_second_time_as_hidden() -> None:
    """A match in plain sight beside encoded letters is one finding, in plain text."""
    text = "open the gate %41%42%43%44 \\u0041\\u0042\\u0043\\u0044"
    found = ENGINE.screen(text, Part.USER)
    assert [(each.rule, each.view) for each in found] == [
        ("gate.open.strict", ""),
        ("gate.open.loose", ""),
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\U0001f3f4" + in_tags("gbeng") + "\U000e007f", id="flag of England"),
        pytest.param("葛\U000e0100城 ❤\ufe0f" * 20, id="selectors of letters and emoji"),
        pytest.param("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", id="hash"),
        pytest.param(html.escape("<p>5 > 3 & 2</p>") * 20, id="named entities"),
        pytest.param("getElementsByClassNameAndAttributes/SomeVeryLongPathOfCode", id="names"),
    ],
)
def test_innocent_look_alikes_hide_nothing(text: str) -> None:
    """Flags, selectors, hashes and entities decode to no words."""
    assert list(Finder().hidden(text)) == []


@pytest.mark.parametrize("before", range(3900, 4200, 23))
def test_hidden_text_across_a_seam_is_found(before: int) -> None:
    """Where two windows meet a short encoded text is still whole in one of them."""
    text = "z " * (before // 2) + WAYS["base64"] + " z" * 5000
    assert [each.view for each in ENGINE.screen(text, Part.USER)] == ["base64"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*WAYS.values(), *map(chr, range(40)), "%", "&#", "\\u"])))
def test_what_is_decoded_is_bounded_and_stands_in_the_text(pieces: list[str]) -> None:
    """No more than a fixed number of characters is decoded; offsets lie in the text."""
    text = "".join(pieces)
    found = list(Finder().hidden(text))
    assert sum(len(each.text) for each in found) <= MOST
    assert [each for each in found if not 0 <= each.start <= each.end <= len(text)] == []


def test_readers_take_whatever_their_trigger_lets_through() -> None:
    """No reader raises on text that only looks like its own."""
    for reader in READERS.values():
        for text in (*WAYS.values(), "", "=" * 99, "A" * 25, "<~zz~>", "<~!!!!!x~>", "\\U99999999"):
            assert isinstance(list(reader(text)), list)


ATOMS = st.sampled_from(
    ["%41", "&#65;", "&#x41;", "\\x41", "\\u{41}", "a+b+", "\n", "x" * 23, " y"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ATOMS, max_size=12).map("".join))
def test_three_numbers_on_a_line_hide_something_and_two_do_not(text: str) -> None:
    """A reader of numbers reads where three stand near each other with no new line between."""
    for atom, reader in ((URL, url), (HTML, entities), (ESCAPE, escapes)):
        is_dense = re.search(rf"(?:{atom}[^\n]{{0,24}}?){{3}}", text) is not None
        has_words = reader is url and re.search(PLUS, text) is not None
        assert bool(list(reader(text))) == (is_dense or has_words)


PIECES = st.sampled_from(
    [
        "a",
        "Zz9",
        "_-+/",
        "b" * 21,
        "c" * 24,
        " ",
        "\n\n",
        "\x1c",
        "\u3000",
        "\xa0",
        "=",
        "?",
        ".",
        "é",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_long_runs_are_found_wherever_one_search_finds_them(text: str) -> None:
    """Looking for the beginnings first finds the same runs as one search of the whole."""
    found = list(long_runs(text, text.encode("ascii", "replace")))
    assert found == [run.span() for run in RUNS.finditer(text)]


GAPS = st.sampled_from([" ", "-", "  ", "\n\n", " - "]) | st.text(
    " ._*|/~,\n-", min_size=1, max_size=3
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abé²"), GAPS), max_size=60))
def test_letters_are_put_together_by_what_parts_them_most_often(
    parts: list[tuple[str, str]],
) -> None:
    """What parts letters most often is dropped, and anything else becomes a space."""
    run = "".join(letter + between for letter, between in (*parts, ("x", " "))) + "z"
    letters, gaps = re.findall(r"[^\W\d_]", run), re.findall(r"[ ._*|/~,\n-]+", run)
    usual = max(dict.fromkeys(gaps), key=gaps.count)
    shown = zip(letters, ("" if gap == usual else " " for gap in (*gaps, usual)), strict=True)
    assert together(run) == "".join(map("".join, shown))
