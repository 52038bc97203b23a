"""The table of clients, as data."""

import pytest

from leash_addon.errors import UsageError
from leash_addon.proxy.clients import load_clients, read_clients


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param({"name": "x", "agent": ["x"]}, "client 1: agent: unknown key", id="unknown"),
        pytest.param({"user_agent": ["x"]}, "client 1: name: missing", id="no name"),
        pytest.param({"name": "x"}, "user_agent or header", id="no mark"),
        pytest.param({"name": "x", "user_agent": "x"}, "must be list", id="no list"),
        pytest.param({"name": "x", "user_agent": [""]}, "none empty", id="empty text"),
        pytest.param(
            {"name": "x", "user_agent": ["x"], "final": 500}, "final: 500 is none of", id="status"
        ),
    ],
)
def test_a_wrong_row_names_its_place(row: dict[str, object], said: str) -> None:
    """A row that cannot be read says which one, which key and why."""
    with pytest.raises(UsageError, match=said):
        read_clients([row], "pack.toml")


def test_a_header_names_a_client() -> None:
    """A client may be known by a header that only it sends."""
    headers = {"user-agent": "node", "x-claude-code-session-id": "1"}
    assert load_clients().find(headers).name == "claude"


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        pytest.param("OpenAI/Python 1.0", "OpenAI", id="product token"),
        pytest.param("", "", id="none"),
        pytest.param("\x1b[31m", "", id="no token"),
        pytest.param("x" * 1000, "x" * 40, id="long"),
    ],
)
def test_an_unknown_client_is_named_by_its_user_agent(agent: str, name: str) -> None:
    """An unknown client is journaled by the first word of its User-Agent, cleaned and bounded."""
    assert load_clients().find({"user-agent": agent}).name == name
