import base64

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from leash_addon.screen.views.packed import ascii85_of, base32_of, base64_of, hex_of


@given(st.binary(max_size=80))
def test_what_was_packed_is_unpacked(raw: bytes) -> None:
    """Each way of packing bytes is undone, with and without its padding."""
    assert base32_of(base64.b32encode(raw).rstrip(b"=")) == raw
    assert base64_of(base64.b64encode(raw).rstrip(b"=")) == raw
    assert base64_of(base64.urlsafe_b64encode(raw).rstrip(b"=")) == raw
    assert hex_of(raw.hex().encode()) == raw
    assert ascii85_of(base64.a85encode(raw).decode()) == raw


@pytest.mark.parametrize("extra", range(1, 8))
def test_letters_that_cannot_be_the_end_of_base32_are_dropped(extra: int) -> None:
    """Of eights and some letters more, those that hold whole bytes are read."""
    whole = {2: 1, 4: 2, 5: 3, 7: 4}
    assert base32_of(b"MFRGGZDF" + b"MFRGGZDF"[:extra]) == b"abcde" + b"abcd"[: whole.get(extra, 0)]


@example("z!!")
@example("!!z!!!")
@example("uuuuu")
@example("s8W-!s8W")
@given(st.text("!z uUs8W-\n\t5é~v", max_size=24))
def test_ascii85_is_read_as_the_standard_library_does(text: str) -> None:
    """Whatever stands between the brackets gives the same bytes, and none where it is wrong."""
    try:
        expected = base64.a85decode(text.encode())
    except ValueError:
        expected = b""
    assert ascii85_of(text) == expected
