from hypothesis import given
from hypothesis import strategies as st

from leash_addon.screen.views.unseen import between as spaces
from leash_addon.screen.views.unseen import bits, selectors, tags

WORDS = st.text(st.sampled_from("ab cé字\n\t"), min_size=20, max_size=40).filter(
    lambda text: sum(map(str.isalpha, text)) > 16
)


@given(WORDS)
def test_every_byte_has_its_selector(text: str) -> None:
    """Text written in variation selectors, low bytes and high, is read."""
    raw = text.encode()
    written = "".join(chr(0xFE00 + b if b < 16 else 0xE0100 + b - 16) for b in raw)
    assert [each.text for each in selectors("x" + written)] == [text]


@given(WORDS)
def test_bits_are_read_either_way_round(text: str) -> None:
    """Two unseen characters as zero and one, or as one and zero, are the same text."""
    digits = "".join(f"{byte:08b}" for byte in text.encode())
    for kinds in ("\u200b\u200c", "\u200c\u200b"):
        written = digits.translate(dict(zip(map(ord, "01"), kinds, strict=True)))
        assert text in [each.text for each in bits(written)]


def test_up_to_four_unseen_characters_are_one_space() -> None:
    """A run of unseen characters is read as so many spaces as it has fours begun."""
    runs = [("\u200b\u2060\ufeff\u00ad\u200e" * 3)[:size] for size in range(1, 10)]
    text = "x".join(runs)
    assert [each.text for each in spaces(text)] == [
        "x".join(" " * -(-len(run) // 4) for run in runs)
    ]
    assert [(each.start, each.end) for each in spaces(text)] == [(0, len(text))]


def test_tags_are_read_across_what_stands_between() -> None:
    """Tag characters are put together, and those of a flag are not among them."""
    flag = "\U0001f3f4" + "".join(chr(0xE0000 + ord(char)) for char in "gbeng\x7f")
    text = "a" + chr(0xE0069) + "b" + flag + chr(0xE0067) + "c" + chr(0xE006E) + "d"
    assert [each.text for each in tags(text)] == ["ign"]
