"""A long array of a request is set aside, and nothing comes out otherwise than without that."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from leash_addon.wire.asked import parse_request
from leash_addon.wire.routes import Route
from leash_addon.wire.texts import pieces, put_together
from leash_addon.wire.texts.arrays import set_aside

CHAT = Route(provider="p", format="openai.chat")
VALUE = st.recursive(
    st.sampled_from(['"messages": [', '"messages":["leash-0"]', "leash-0", 'a"b', "\\", "\u00e9\n"])
    | st.text(max_size=4)
    | st.integers()
    | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["messages", "x", 'messages":[', "\\"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
WRITTEN = st.tuples(VALUE, st.sampled_from([None, 1]), st.booleans()).map(
    lambda row: json.dumps(row[0], indent=row[1], ensure_ascii=row[2])
)
"""A value as programs write it: with and without white space and escapes."""

BESIDE = st.tuples(st.sampled_from(['"x":', '"messages":', '"m\\u0065ssages": ']), WRITTEN)


@given(
    st.lists(WRITTEN, min_size=1, max_size=4),
    st.lists(BESIDE, max_size=3),
    st.lists(BESIDE, max_size=2),
    st.sampled_from(['"messages":', '"messages"\n: ', '"m\\u0065ssages":']),
    st.sampled_from([",", " , ", ",\n\t"]),
    st.integers(0, 3),
)
def test_an_array_set_aside_changes_nothing(  # noqa: PLR0917 - the pieces of a document
    elements: list[str],
    before: list[tuple[str, str]],
    after: list[tuple[str, str]],
    name: str,
    comma: str,
    which: int,
) -> None:
    """A request put together without reading its history again is, byte for byte, as with it.

    Whatever stands beside the history: other members of its name, what looks like it, escapes.
    """
    array = "[" + comma.join(elements) + "]"
    members = [one + value for one, value in [*before, (name, array), *after]]
    raw = ("{" + ", ".join(members) + "}").encode("utf-8", "replace")
    body = parse_request(CHAT, {}, raw).body
    parts = [] if body is None else list(pieces(CHAT.format, body))
    parts = [part for part in parts if part.path[0] == "messages" and len(part.path) > 1]
    if not parts:
        return
    changed = {parts[which % len(parts)].path: b'"new"'}
    top = msgspec.json.decode(raw, type=dict[str, Raw])
    made = [changed.get(part.path, part.raw) for part in parts]
    top["messages"] = Raw(b"[" + b",".join(made) + b"]")
    assert put_together(raw, parts, changed) == msgspec.json.encode(top)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"messages":[1,2,3]}', id="as written"),
        pytest.param(b'{"x":"\\"messages\\":[1,2,3]", "messages" : [1 ,2,\n3]}', id="in a string"),
        pytest.param(b'{"x":"leash-0", "messages": [1, 2, 3]}', id="with another's stand-in"),
    ],
)
def test_an_array_is_found_where_it_counts(raw: bytes) -> None:
    """The rest of a request is read without it, whatever stands before it."""
    found = set_aside(raw, "messages", [b"1", b"2", b"3"])
    assert found is not None
    assert found.rest.keys() == msgspec.json.decode(raw).keys()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"x":{"messages":[1,2]},"messages":[3]}', id="in another member"),
        pytest.param(b'{"messages":[1,2],"messages":[1,2]}', id="twice"),
        pytest.param(
            b'{"messages":[1,2],"x":["leash-0","leash-1","leash-2","leash-3"]}', id="a nuisance"
        ),
        pytest.param(b'{"messages":[1,2,3]}', id="a part of it"),
        pytest.param(b'{"messages":[1,2,3],"messages":[1,2]}', id="a part of the first of two"),
        pytest.param(b'{"messages":[{"messages":[1,2]}]}', id="within itself"),
    ],
)
def test_what_only_looks_like_the_array_is_left(raw: bytes) -> None:
    """Text that has the array's bytes and is not the member's value is never set aside."""
    assert set_aside(raw, "messages", [b"1", b"2"]) is None
