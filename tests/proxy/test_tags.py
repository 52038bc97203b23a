"""Who asks."""

import pytest

from leash_addon.proxy.booking import hashed_key
from leash_addon.proxy.tags import credential_of

URL = "https://api.openai.com/v1/chat/completions"


@pytest.mark.parametrize(
    ("headers", "url", "expected"),
    [
        pytest.param({"authorization": "Bearer sk-1"}, URL, "sk-1", id="bearer"),
        pytest.param({"x-api-key": "sk-1"}, URL, "sk-1", id="the same key elsewhere"),
        pytest.param({"x-goog-api-key": "g"}, URL, "g", id="google"),
        pytest.param({"api-key": "a"}, URL, "a", id="azure"),
        pytest.param({}, URL + "?alt=sse&key=AIza", "AIza", id="in the url"),
        pytest.param(
            {"authorization": "AWS4-HMAC-SHA256 Credential=AKIA1/20261121/us, Signature=ff"},
            URL,
            "AKIA1",
            id="aws",
        ),
        pytest.param({"authorization": " "}, URL, "", id="empty"),
        pytest.param({}, URL, "", id="none"),
    ],
)
def test_a_credential_is_found_wherever_it_is(
    headers: dict[str, str], url: str, expected: str
) -> None:
    """One key is one credential, whichever way it is sent; a signature is its signer's."""
    assert credential_of(headers, url) == expected


def test_a_key_is_known_by_a_hash_of_this_installation() -> None:
    """The hash gives nothing away, and another installation has another one."""
    one, other = hashed_key("sk-secret", b"a" * 32), hashed_key("sk-secret", b"b" * 32)
    assert len(one) == 16
    assert one == hashed_key("sk-secret", b"a" * 32) != other
