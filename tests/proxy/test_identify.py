"""Who calls."""

import base64

import pytest

from leash_addon.proxy.identify import is_imputed, is_own, proxy_user, run_of
from leash_addon.proxy.policy import Policy


@pytest.mark.parametrize(
    ("policy", "headers", "user", "expected"),
    [
        pytest.param(Policy(run="one"), {"x-loop-id": "b"}, "c", "one", id="fixed"),
        pytest.param(Policy(), {"x-loop-id": "b"}, "c", "b", id="header"),
        pytest.param(Policy(), {}, "c", "c", id="proxy user"),
        pytest.param(Policy(), {}, "c;user=alice", "c", id="proxy user with tags"),
        pytest.param(Policy(), {}, None, "default", id="default"),
    ],
)
def test_run(policy: Policy, headers: dict[str, str], user: str | None, expected: str) -> None:
    """The run is the fixed one, else the header's, else the proxy user's, else the default."""
    assert run_of(policy, headers, user) == expected


@pytest.mark.parametrize("name", ["a b", "../x", "x" * 129, "ü", "a\x00"])
def test_an_odd_run_id_is_refused(name: str) -> None:
    """A run id of other characters or length is an error, not another account."""
    with pytest.raises(ValueError, match="a run id is"):
        run_of(Policy(), {"x-loop-id": name}, None)


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        pytest.param("Basic " + base64.b64encode(b"me:secret").decode(), "me", id="basic"),
        pytest.param("basic " + base64.b64encode(b"me").decode(), "me", id="no password"),
        pytest.param("Bearer abc", None, id="another scheme"),
        pytest.param("Basic !!!", None, id="not base64"),
        pytest.param("Basic " + base64.b64encode(b"\xff\xfe:x").decode(), None, id="not UTF-8"),
        pytest.param(None, None, id="none"),
    ],
)
def test_proxy_user(credentials: str | None, expected: str | None) -> None:
    """The user name is read, and whatever is no credential is nobody."""
    assert proxy_user(credentials) == expected


@pytest.mark.parametrize(
    ("host", "headers", "expected"),
    [
        pytest.param("chatgpt.com", {}, True, id="chatgpt"),
        pytest.param("sub.chatgpt.com", {}, True, id="below chatgpt"),
        pytest.param("notchatgpt.com", {}, False, id="another name"),
        pytest.param(
            "api.anthropic.com", {"authorization": "Bearer sk-ant-oat01-x"}, True, id="oauth"
        ),
        pytest.param(
            "api.anthropic.com", {"authorization": "Bearer sk-ant-api03-x"}, False, id="key"
        ),
        pytest.param("api.anthropic.com", {"x-api-key": "sk-ant-api03-x"}, False, id="x-api-key"),
    ],
)
def test_imputed(host: str, headers: dict[str, str], expected: bool) -> None:
    """Subscription log-ins are told from keys."""
    assert is_imputed(host, headers) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("X-Leash-Token", True), ("X-Loop-Id", True), ("Proxy-Authorization", True), ("Host", False)],
)
def test_own_headers(name: str, expected: bool) -> None:
    """Leash's own headers are known in any case."""
    assert is_own(name) == expected
