"""Who calls."""

import pytest

from leash_addon.proxy.identify import is_imputed, is_own


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
