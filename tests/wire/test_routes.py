"""What a host and a path mean, by the shipped pack."""

import pytest

from leash_addon.config.packs import load_providers
from leash_addon.wire.routes import Providers, Route, compile_rule

PROVIDERS = load_providers()
GEMINI = "generativelanguage.googleapis.com"
VERTEX = "us-east5-aiplatform.googleapis.com"
ARN = "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.anthropic.claude-x-v1%3A0"


def route(line: str) -> Route | None:
    """Route ``"METHOD host/path"``."""
    method, _, url = line.partition(" ")
    host, slash, path = url.partition("/")
    return PROVIDERS.route(method, host, slash + path)


@pytest.mark.parametrize(
    ("line", "provider", "name", "model"),
    [
        pytest.param(*row, id=row[0])
        for row in [
            ("POST api.openai.com/v1/chat/completions", "openai", "openai.chat", None),
            ("POST eu.api.openai.com/v1/responses", "openai", "openai.responses", None),
            ("GET api.openai.com/v1/responses/resp_1", "openai", "openai.responses", None),
            ("GET api.openai.com/v1/responses", "openai", "openai.responses", None),
            ("POST api.openai.com/v1/responses/compact", "openai", "openai.responses", None),
            (
                "POST chatgpt.com/backend-api/codex/responses",
                "chatgpt",
                "openai.responses",
                None,
            ),
            (
                "POST api.anthropic.com/v1/messages?beta=true",
                "anthropic",
                "anthropic.messages",
                None,
            ),
            (
                f"POST {GEMINI}/v1/models/g-2:streamGenerateContent?alt=sse",
                "gemini",
                "gemini.generate",
                "g-2",
            ),
            (
                f"POST {VERTEX}/v1/publishers/anthropic/models/claude-x@1:rawPredict",
                "vertex",
                "anthropic.messages",
                "claude-x@1",
            ),
            (
                "POST my-dep.openai.azure.com//openai/deployments/gpt-x/chat/completions",
                "azure",
                "azure.chat",
                "gpt-x",
            ),
            (
                "POST bedrock-runtime.eu-west-1.amazonaws.com/model/a.b-v1%3A0/converse-stream",
                "bedrock",
                "bedrock.converse",
                "a.b-v1:0",
            ),
            (
                f"POST bedrock-runtime.us-east-1.amazonaws.com/model/{ARN}/invoke",
                "bedrock",
                "bedrock.invoke",
                "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x-v1:0",
            ),
            ("POST api.deepseek.com/beta/chat/completions", "deepseek", "openai.chat", None),
            ("POST localhost:11434/api/chat", "ollama", "ollama.chat", None),
            ("POST API.OpenAI.com:443/v1/embeddings", "openai", "openai.embeddings", None),
        ]
    ],
)
def test_a_call_has_its_format(line: str, provider: str, name: str, model: str | None) -> None:
    """A model's endpoint is routed to its provider, its format, and the model in its URL."""
    found = route(line)
    assert found is not None
    assert (found.provider, found.format, found.free, found.model) == (provider, name, False, model)


@pytest.mark.parametrize(
    "line",
    [
        "GET api.openai.com/v1/models",
        "POST api.openai.com/v1/responses/input_tokens",
        "POST api.openai.com/v1/files",
        "POST api.anthropic.com/v1/messages/count_tokens",
        "POST api.anthropic.com/api/event_logging/v2/batch",
        "POST api.anthropic.com/api/claude_code_grove",
        "POST api.anthropic.com/api/oauth/token/refresh",
        "POST chatgpt.com/backend-api/wham/tasks",
        "POST chatgpt.com/backend-api/codex/analytics-events/events",
        "POST chatgpt.com/backend-api/ps/mcp",
        "POST aiplatform.googleapis.com/v1/projects/p/publishers/google/models/g:countTokens",
        "POST bedrock-runtime.us-east-1.amazonaws.com/model/m/count-tokens",
        "DELETE generativelanguage.googleapis.com/v1beta/cachedContents/x",
        "POST acme.cloud.databricks.com/api/2.0/jobs/run-now",
        "POST acme.cloud.databricks.com/api/2.0/workspace/a%2Fb/",
    ],
)
def test_what_is_no_bill_is_free(line: str) -> None:
    """Counting, telemetry, logging in and reading cost nothing."""
    found = route(line)
    assert found is not None
    assert (found.format, found.free) == (None, True)


@pytest.mark.parametrize(
    "line",
    [
        "POST api.openai.com/v1/something/new",
        "POST api.openai.com/v1/batches",
        "POST api.openai.com/v1/audio/speech",
        "PUT api.anthropic.com/v1/messages",
        "POST api.anthropic.com/v1/messages/batches",
        "POST chatgpt.com/backend-api/codex/unheard-of",
        "POST api.deepgram.com/v1/listen",
        "POST api.openai.com/v1/conversations/../audio/speech",
        "POST api.openai.com/v1/uploads/%2e%2e/audio/speech",
        "POST api.openai.com/v1/uploads/..%2Faudio%2Fspeech",
        "POST chatgpt.com/backend-api//codex/responses",
        "POST chatgpt.com/backend-api/./f/conversation",
        "POST chatgpt.com/backend-api/conversation/",
    ],
)
def test_an_unknown_write_is_blind(line: str) -> None:
    """A writing request to a provider that nobody lists is a blind call, not a free one."""
    found = route(line)
    assert found is not None
    assert (found.format, found.free) == (None, False)


@pytest.mark.parametrize(
    "host",
    [
        "pypi.org",
        "github.com",
        "api.openai.com.evil.example",
        "evilapi.openai.com.example",
        "ab.chatgpt.com",
        "bedrock-runtime.a.b.amazonaws.com",
        "s3.us-east-1.amazonaws.com",
        "localhost:8000",
    ],
)
def test_nobodys_host_is_left_alone(host: str) -> None:
    """A host that is no provider's, or is to be left alone, has no rule."""
    assert PROVIDERS.find_host(host) is None


def test_a_pattern_stays_in_its_label() -> None:
    """A star in a host never matches a dot, so no longer name slips in."""
    assert PROVIDERS.find_host("x.y.openai.azure.com") is None


def test_exact_hosts_have_no_star() -> None:
    """The exact hosts can be written into a certificate as they are."""
    assert [host for host in PROVIDERS.hosts if "*" in host] == []


def test_an_unnamed_server_is_guessed_by_its_path() -> None:
    """A path that says by itself what it is needs no host."""
    guessed = PROVIDERS.guess("POST", "/proxy/v1/chat/completions")
    assert (guessed and guessed.format, PROVIDERS.guess("POST", "/graphql")) == (
        "openai.chat",
        None,
    )


def test_providers_without_hosts_find_nothing() -> None:
    """An empty pack meters nothing."""
    assert Providers().route("POST", "api.openai.com", "/v1/chat/completions") is None


@pytest.mark.parametrize("line", ["/v1/x", "post /v1/x", "POST v1/x", "POST"])
def test_a_line_without_method_and_path_is_refused(line: str) -> None:
    """A path rule needs a method in capitals and a path."""
    with pytest.raises(ValueError, match="write a method and a path"):
        compile_rule(line, "free")
