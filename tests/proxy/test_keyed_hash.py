"""Bytes are named by a hash that tells every two of them apart, and that nobody else can make."""

from hypothesis import given
from hypothesis import strategies as st

from leash_addon.proxy.keyed_hash import KeyedHash

NAME = KeyedHash()
BYTES = st.one_of(st.binary(max_size=80), st.builds(bytes, st.integers(0, 80)))


@given(BYTES, BYTES)
def test_only_the_same_bytes_have_the_same_name(one: bytes, other: bytes) -> None:
    """Two texts are named alike when they are the same, however they end or where they lie."""
    lies = memoryview(b"before" + other + b"behind")[6 : 6 + len(other)]
    assert (NAME(one) == NAME(lies)) == (one == other)


def test_every_hash_has_a_key_of_its_own() -> None:
    """What one proxy calls a text tells nothing of what another calls it."""
    assert KeyedHash()(b"a text") != KeyedHash()(b"a text")
