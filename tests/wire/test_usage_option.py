"""Adding the usage option changes a request by nothing else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leash_addon.wire.asked import with_usage_option


@pytest.mark.parametrize(
    ("body", "changed"),
    [
        pytest.param(
            b'{"a": 1.10}', b'{"stream_options":{"include_usage":true},"a": 1.10}', id="inserted"
        ),
        pytest.param(b" { }", b' {"stream_options":{"include_usage":true} }', id="alone"),
        pytest.param(
            b'{"stream_options":null, "a":1e2}',
            b'{"stream_options":{"include_usage":true},"a":1e2}',
            id="instead of null",
        ),
        pytest.param(
            b'{"stream_options":{"include_obfuscation":false}}',
            b'{"stream_options":{"include_obfuscation":false,"include_usage":true}}',
            id="beside another",
        ),
        pytest.param(
            b'{"x":{"stream_options":1}}',
            b'{"stream_options":{"include_usage":true},"x":{"stream_options":1}}',
            id="a deeper one does not count",
        ),
        pytest.param(
            b'{"big":12345678901234567890123,"stream_options":{}}',
            b'{"big":12345678901234567890123,"stream_options":{"include_usage":true}}',
            id="numbers keep their digits",
        ),
        pytest.param(b"[1]", b"[1]", id="no object"),
        pytest.param(b"{", b"{", id="no JSON"),
        pytest.param(b'{"a":' * 100_000, b'{"a":' * 100_000, id="too deep"),
    ],
)
def test_the_option_is_added_in_place(body: bytes, changed: bytes) -> None:
    """The smallest change is made; what cannot be changed comes back as it was."""
    assert with_usage_option(body) == changed


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
keys = st.text(max_size=9) | st.just("stream_options")


@settings(max_examples=80, deadline=None)
@given(body=st.dictionaries(keys, values), ascii_only=st.booleans(), indent=st.none() | st.just(1))
def test_all_else_means_the_same(
    body: dict[str, object], ascii_only: bool, indent: int | None
) -> None:
    """Decoded, the request differs in the one option only."""
    text = json.dumps(body, ensure_ascii=ascii_only, indent=indent).encode()
    options = body.get("stream_options")
    wanted = {**options} if isinstance(options, dict) else {}
    wanted["include_usage"] = True
    assert json.loads(with_usage_option(text)) == {**body, "stream_options": wanted}
