"""Strings of a JSON value are replaced where they stand, and nothing else moves."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.wire.texts.rewrite import rewritten, shown
from leash_addon.wire.texts.text import KEY, Path

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=16,
)


def strings(value: Any, path: Path = ()) -> list[Path]:  # noqa: ANN401 - JSON
    """Return where every string of a value stands."""
    if isinstance(value, str):
        return [path]
    if not isinstance(value, dict | list):
        return []
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    return [found for step, inner in inside for found in strings(inner, (*path, step))]


def with_string(value: Any, path: Path, new: str) -> Any:  # noqa: ANN401 - JSON
    """Return a value with another string at a path."""
    if not path:
        return new
    step, *rest = path
    if isinstance(value, dict):
        return value | {step: with_string(value[step], tuple(rest), new)}
    return [
        with_string(inner, tuple(rest), new) if index == step else inner
        for index, inner in enumerate(value)
    ]


@given(JSON, st.data(), st.booleans(), st.text())
def test_only_that_string_is_another(value: Any, data: Any, ascii_only: bool, new: str) -> None:  # noqa: ANN401
    """Decoded, the value is the one with that string replaced, however it was written."""
    paths = strings(value)
    if not paths:
        return
    path = data.draw(st.sampled_from(paths))
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=1).encode()
    assert json.loads(rewritten(raw, {path: new})) == with_string(value, path, new)


def test_several_strings_at_once_leave_the_rest_as_it_was() -> None:
    """White space, numbers and escapes stay."""
    raw = rb'[ "a" , {"b" : "\u0063", "n": 1.50}, "d" ]'
    made = rewritten(raw, {(0,): "A", (1, "b"): "C"})
    assert made == rb'[ "A" , {"b" : "C", "n": 1.50}, "d" ]'


def test_a_members_name_can_be_replaced() -> None:
    """A path that ends in the mark of names means the name."""
    assert rewritten(b'{"do this": 1}', {("do this", KEY): "x"}) == b'{"x": 1}'


def test_a_path_without_a_string_is_an_error() -> None:
    """Nothing is written where nothing was found."""
    with pytest.raises(ValueError, match="no string at"):
        rewritten(b'{"a": 1}', {("a",): "x"})


def test_a_path_is_shown_as_people_write_it() -> None:
    """Members by a point, indexes in brackets."""
    assert shown(("messages", 3, "content", 0, "text")) == "messages[3].content[0].text"
