"""Kinds of server-side tool requests: one name each for prices, however the wire spells them.

Prices are kept per canonical kind (``web_search``); a rate card lists every spelling, so that
looking one up is one dictionary access.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Final

SPELLINGS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "web_search": (
            "web_search_requests",
            "web_search_call",
            "web_search_calls",
            "web_search_call:search",
            "google_search",
            "google_search_queries",
        ),
        "web_fetch": ("web_fetch_requests",),
        "x_search": ("x_search_call", "x_search_calls", "social_search"),
        "file_search": ("file_search_call", "file_search_calls"),
        "code_execution": ("code_execution_requests",),
        "code_interpreter": ("code_interpreter_call", "code_interpreter_calls"),
        "image_generation": ("image_generation_call", "image_generation_calls"),
        "rerank": ("search_units",),
    }
)
"""Canonical kind -> how providers and recorders also name it."""

FREE: Final[tuple[str, ...]] = (
    "web_search_call:find",
    "web_search_call:open_page",
    "web_search_call:find_in_page",
    "tool_search_call",
    "mcp_list_tools",
    "mcp_call",
    "mcp_calls",
    "local_shell_call",
    "shell_call",
)
"""Counted on the wire and not billed one by one: OpenAI bills the tokens of MCP, of shell and of
tool search, and of web search only the action ``search``
(https://platform.openai.com/docs/pricing and /docs/guides/tools-connectors-mcp, 2026-11)."""

FREE_AT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"anthropic": ("web_fetch", "tool_search"), "openai": FREE, "azure": FREE}
)
"""genai-prices' provider id -> kinds without a charge of their own. Anthropic's web fetch and
tool search have none (https://docs.claude.com/en/docs/agents-and-tools/tool-use, 2026-11)."""


def by_every_spelling(prices: Mapping[str, Decimal]) -> Mapping[str, Decimal]:
    """Return the prices of canonical kinds under all of their spellings."""
    return MappingProxyType(
        {name: usd for kind, usd in prices.items() for name in (kind, *SPELLINGS.get(kind, ()))}
    )


def free(kinds: Iterable[str]) -> dict[str, Decimal]:
    """Return a price of zero for each of the kinds."""
    return dict.fromkeys(kinds, Decimal(0))
