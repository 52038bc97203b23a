"""Who asks."""

import pytest

from leash_addon.proxy.booking import hashed_key
from leash_addon.proxy.tags import LONGEST, credential_of, tags_of

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


@pytest.mark.parametrize(
    ("headers", "user", "expected"),
    [
        pytest.param({}, "r;user=a;feature=b;tenant=c", ("a", "b", "c"), id="proxy user"),
        pytest.param({"x-leash-user": "h"}, "r;user=a", ("h", None, None), id="header wins"),
        pytest.param({}, "r;user;=x;other=1", (None, None, None), id="nonsense"),
        pytest.param({}, None, (None, None, None), id="nobody"),
        pytest.param({"x-leash-user": "x" * 999}, None, ("x" * LONGEST, None, None), id="long"),
    ],
)
def test_named_tags(
    headers: dict[str, str], user: str | None, expected: tuple[str | None, ...]
) -> None:
    """User, feature and tenant are what the caller names, in a header or behind the run."""
    found = tags_of(headers, user, URL, "", hashed=str)
    assert tuple(found.get(tag) for tag in ("user", "feature", "tenant")) == expected


def test_a_key_is_known_by_a_hash_of_this_installation() -> None:
    """The hash gives nothing away, and another installation has another one."""
    one, other = hashed_key("sk-secret", b"a" * 32), hashed_key("sk-secret", b"b" * 32)
    assert len(one) == 16
    assert one == hashed_key("sk-secret", b"a" * 32) != other
