"""Where a value ends is told at a decoder's speed, and is where walking over it ends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.wire import skip
from leash_addon.wire.skip import AHEAD, TOKEN, end_of, tokens, walked

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)
BEHIND = st.sampled_from(["", ",", " ,1", "}", " \n\t}", "]", ']]],"x"', " " * 99 + ",", " " * 99])


@given(VALUES, st.sampled_from(["", "[", '{"a":']), BEHIND, st.sampled_from([None, 1]))
def test_a_value_ends_where_it_was_written_to(
    value: object, before: str, behind: str, indent: int | None
) -> None:
    """Whatever the value and whatever is around it, its end is told to the byte, both ways."""
    written = json.dumps(value, indent=indent)
    text, at = (before + written + behind).encode(), len(before)
    assert [end_of(text, at), walked(text, at)] == [at + len(written)] * 2


@given(st.binary(max_size=40), st.integers(0, 40))
def test_nothing_raises(text: bytes, at: int) -> None:
    """Of what is no JSON some end is told, within the text or where it was begun."""
    assert at <= max(end_of(text, at), at) <= max(len(text), at)
    assert all(start < end <= len(text) for start, end in tokens(text))


@pytest.mark.parametrize(
    "value", [b'"' + b"a\\n" * 999 + b'"', b"[[1,[]]]"], ids=["string", "list"]
)
def test_it_is_the_decoder_that_tells(monkeypatch: pytest.MonkeyPatch, value: bytes) -> None:
    """What is long or nested is not walked over: the decoder still says what it is asked for."""
    monkeypatch.setattr(skip, "walked", None)
    assert AHEAD is not None
    assert end_of(value + b",", 0) == len(value)


@given(VALUES, st.sampled_from(['"', '"' + "\\n" * 1_500 + '"', '"' + "\\n" * 1_023 + 'x"']))
def test_tokens_are_all_there_is_between_white_space(value: object, long: str) -> None:
    """Put together again the tokens are the value, long strings of escapes among them."""
    inner = json.dumps(value, separators=(" ,", ": "))
    text = f"[{long},{inner}, {long} ]".encode() if len(long) > 1 else inner.encode()
    found = b" ".join(text[start:end] for start, end in tokens(text))
    assert json.loads(found) == json.loads(text)
    assert list(tokens(text)) == [each.span() for each in TOKEN.finditer(text)]
