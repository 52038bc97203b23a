"""What a base-URL client means."""

import pytest

from leash_addon.config.packs import load_providers
from leash_addon.proxy.base_urls import Meant, meant, split_run

PROVIDERS = load_providers()


@pytest.mark.parametrize(
    ("path", "headers", "host", "rest"),
    [
        pytest.param("/v1/chat/completions", {}, "api.openai.com", None, id="openai chat"),
        pytest.param("/v1/responses", {}, "api.openai.com", None, id="openai responses"),
        pytest.param("/v1/embeddings", {}, "api.openai.com", None, id="openai embeddings"),
        pytest.param("/v1/messages?beta=true", {}, "api.anthropic.com", None, id="anthropic"),
        pytest.param(
            "/v1/models",
            {"anthropic-version": "2023-06-01"},
            "api.anthropic.com",
            None,
            id="anthropic's models",
        ),
        pytest.param(
            "/v1beta/models/gemini-2.5-pro:generateContent",
            {},
            "generativelanguage.googleapis.com",
            None,
            id="gemini",
        ),
        pytest.param(
            "/v1/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
            {},
            "generativelanguage.googleapis.com",
            None,
            id="gemini v1",
        ),
        pytest.param(
            "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
            {},
            "generativelanguage.googleapis.com",
            None,
            id="gemini live",
        ),
        pytest.param("/v2/chat", {}, "api.cohere.com", None, id="cohere"),
        pytest.param("/v1/models/gpt-4o", {}, "api.openai.com", None, id="a model of openai's"),
        pytest.param("/api/chat", {}, "localhost:11434", None, id="ollama chat"),
        pytest.param("/api/generate", {}, "localhost:11434", None, id="ollama generate"),
        pytest.param(
            "/to/groq/openai/v1/chat/completions",
            {},
            "api.groq.com",
            "/openai/v1/chat/completions",
            id="by name",
        ),
        pytest.param("/to/deepseek", {}, "api.deepseek.com", "/", id="by name alone"),
        pytest.param(
            "/to/Mine.openai.azure.com/openai/x?a=1",
            {},
            "mine.openai.azure.com",
            "/openai/x?a=1",
            id="by host",
        ),
        pytest.param(
            "/to/localhost:11434/api/chat", {}, "localhost:11434", "/api/chat", id="with a port"
        ),
    ],
)
def test_a_path_means_a_provider(
    path: str, headers: dict[str, str], host: str, rest: str | None
) -> None:
    """Path and headers name the host; the path goes on without our prefix."""
    found = meant(path, headers, PROVIDERS)
    assert isinstance(found, Meant), found
    where = found.host if found.port == 443 else f"{found.host}:{found.port}"
    assert (where, found.path) == (host, path if rest is None else rest)
    assert found.scheme == ("http" if found.host == "localhost" else "https")


@pytest.mark.parametrize(
    "rule", [rule for rule in PROVIDERS.rules if rule.hosts], ids=lambda r: r.name
)
def test_every_provider_of_the_packs_is_reached_by_name(rule: object) -> None:
    """``/to/NAME/`` leads to each provider that has a host of its own."""
    name = rule.name  # type: ignore[attr-defined]
    found = meant(f"/to/{name}/v1/x", {}, PROVIDERS)
    assert isinstance(found, Meant)
    assert (found.rule.name, found.path) == (name, "/v1/x")


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        pytest.param("/to/grok/v1", "did you mean 'groq'?", id="misspelt"),
        pytest.param("/to/bedrock/model/x/converse", "/to/HOST/", id="many hosts"),
        pytest.param("/to/evil.example/x", "is no provider", id="nobody's host"),
        pytest.param("/to/", "is no provider", id="nothing"),
        pytest.param("/to/api.openai.com:22/v1", "not known to listen on port 22", id="port"),
        pytest.param("/chat/completions", "base URLs end in /v1", id="no version"),
        pytest.param("/" + "x" * 9_000, "no provider has the path", id="endless"),
    ],
)
def test_another_path_says_what_to_write(path: str, hint: str) -> None:
    """What means nobody is a message with the mend, of bounded length."""
    found = meant(path, {}, PROVIDERS)
    assert isinstance(found, str)
    assert hint in found
    assert len(found) < 1_500


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/leash/nightly-7/v1/x?a=b", ("nightly-7", "/v1/x?a=b"), id="run"),
        pytest.param("/leash/a%3Ab/v1", ("a:b", "/v1"), id="escaped"),
        pytest.param("/leash/a", ("a", "/"), id="run alone"),
        pytest.param("/leash/a?k=/x/y", ("a", "/?k=/x/y"), id="a slash in the query"),
        pytest.param("/leash//v1", ("", "/v1"), id="empty"),
        pytest.param("/v1/x", ("", "/v1/x"), id="none"),
        pytest.param("/leashed/v1", ("", "/leashed/v1"), id="another word"),
    ],
)
def test_a_run_stands_before_the_rest(path: str, expected: tuple[str, str]) -> None:
    """``/leash/RUN`` is taken off, and the rest is as if it had never been there."""
    assert split_run(path) == expected
