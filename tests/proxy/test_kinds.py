"""What a call is to its agent, from headers and tools."""

import pytest

from leash_addon.proxy.clients import load_clients
from leash_addon.proxy.kinds import kind_of, said_kind

CODEX = {"user-agent": "codex_exec/0.169.0", "x-codex-turn-metadata": '{"request_kind":"turn"}'}


@pytest.mark.parametrize(
    ("headers", "tools", "kind"),
    [
        pytest.param(
            {"user-agent": "claude-cli/2", "x-claude-code-request-class": "main"},
            *(False, "main"),
            id="claude says so",
        ),
        pytest.param(CODEX, True, "turn", id="codex, in a header's JSON"),
        pytest.param(CODEX | {"x-openai-subagent": "review"}, True, "review", id="codex sub-agent"),
        pytest.param({"user-agent": "opencode/1.18"}, False, "side", id="opencode title"),
        pytest.param({"user-agent": "opencode/1.18"}, True, "main", id="opencode"),
        pytest.param({"user-agent": "GeminiCLI-tui/0.61"}, False, "side", id="gemini router"),
        pytest.param({"user-agent": "OpenAI/Python"}, False, "", id="an SDK says nothing"),
        pytest.param(
            {"user-agent": "claude-cli/2", "x-claude-code-request-class": "a\x1b[31m b"},
            *(True, ""),
            id="no word",
        ),
        pytest.param(
            {"user-agent": "codex/1", "x-codex-turn-metadata": "[" * 5000},
            *(True, ""),
            id="no JSON",
        ),
    ],
)
def test_a_call_is_known_by_what_its_agent_says(
    headers: dict[str, str], tools: bool, kind: str
) -> None:
    """The agent's own word counts; else its calls without tools are side calls."""
    client = load_clients().find(headers)
    assert kind_of(client, said_kind(client, headers), declares_tools=tools) == kind
