"""A request that is read in slices is the request that is read at once."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leash_addon.wire.asked import READ_BODY
from leash_addon.wire.request_shapes import Body
from leash_addon.wire.slices import read_in_slices


def sliced(body: bytes, size: int) -> tuple[Body | None, int]:
    """Read in slices; return how many steps it took, too."""
    steps, count = read_in_slices(body, READ_BODY, size), 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, count
        count += 1


def plain(body: Body | None) -> object:
    """Return the members of a request, raw values as their bytes."""
    return None if body is None else msgspec.json.encode(body)


TEXT = st.sampled_from(['{"role"', ', {"role": 1}', "words", 'a "b" \\', "]}", ""])
ELEMENT = st.builds(
    lambda text, inner: {"role": text, "content": inner},
    TEXT,
    st.recursive(TEXT, lambda inner: st.lists(inner | st.fixed_dictionaries({"role": inner}))),
)
ODD = st.one_of(ELEMENT, TEXT, st.integers(), st.just({"x": [{"role": "a"}, {"role": "b"}]}))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(ODD, min_size=1, max_size=8),
    st.sampled_from(["messages", "input", "contents"]),
    st.sampled_from([(",", ":"), (" , ", " : "), (",\n", ":")]),
    st.sampled_from(
        ["", '"x":[{"messages":[{"role":1},{"role":2}]}],', '"messages":[{"role":0}],']
    ),
    st.sampled_from(["", ',"messages":[{"role":9}]', ',"tools":[{"role":1},{"role":2}]', ",", "}"]),
    st.integers(1, 60),
)
def test_slices_make_the_whole(  # noqa: PLR0917 - the pieces of a document
    elements: list[object],
    name: str,
    style: tuple[str, str],
    before: str,
    behind: str,
    size: int,
) -> None:
    """What comes of slices, if anything does, is what the decoder makes of the whole."""
    array = json.dumps(elements, separators=style)
    raw = f'{{{before}"{name}":{array}{behind}}}'.encode()
    read, _ = sliced(raw, size)
    try:
        whole = READ_BODY.decode(raw)
    except msgspec.DecodeError:
        whole = None
    assert read is None or plain(read) == plain(whole)


@pytest.mark.parametrize("name", ["messages", "input", "contents"])
def test_a_long_history_is_read_in_many_steps(name: str) -> None:
    """Of an ordinary request each slice is about as large as it should be."""
    said = [{"role": "user", "content": f"{number} " + "x" * 90} for number in range(100)]
    raw = json.dumps({"model": "m", name: said, "stream": True}).encode()
    read, steps = sliced(raw, 1_000)
    assert plain(read) == plain(READ_BODY.decode(raw))
    assert 8 <= steps <= 12
