"""The shape of a refusal, by wire format and by client."""

import json

import pytest

from leash_addon.core.balance import Balance
from leash_addon.core.limits import Limits
from leash_addon.core.money import Instant, usd
from leash_addon.core.verdict import Effect, Reason, Trip
from leash_addon.proxy.account import Account
from leash_addon.proxy.clients import load_clients
from leash_addon.proxy.refusals import FAULT, LEDGER_AWAY, Caller, Denial, Refusal, refusal

STOPPED = Denial.of(
    Trip(reason=Reason.COST_BUDGET, effect=Effect.STOP, message="the budget of $5.00 is spent")
)
BUSY = Denial.of(
    Trip(
        reason=Reason.TOKEN_RATE,
        effect=Effect.PASSING,
        message="too many tokens",
        retry_after=12.2,
    )
)
ACCOUNT = Account(
    balance=Balance(calls=18, spent=usd("4.1"), limits=Limits(max_cost=usd("5"), deadline=900)),
    now=Instant(0),
)


def refused(
    denial: Denial, shape: str = "openai.chat", agent: str = "curl/8", forced: int | None = None
) -> Refusal:
    """Refuse a caller of run r1."""
    client = load_clients().find({"user-agent": agent})
    caller = Caller(shape=shape, run="r1", client=client, forced=forced, account=ACCOUNT)
    return refusal(denial, caller)


@pytest.mark.parametrize(
    ("agent", "status"),
    [
        pytest.param("curl/8.5.0", 429, id="curl"),
        pytest.param("OpenAI/Python 3.54.0", 429, id="openai sdk"),
        pytest.param("Anthropic/Python 2.12.0", 429, id="anthropic sdk"),
        pytest.param("google-genai-sdk/3.4.0 gl-python/3.12", 429, id="google-genai sdk"),
        pytest.param("", 429, id="no User-Agent"),
        pytest.param("claude-cli/2.1.330 (external, cli)", 400, id="claude"),
        pytest.param("codex_cli_rs/0.169.0 (Debian 12)", 400, id="codex"),
        pytest.param("GeminiCLI/0.61.0/gemini-2.5-pro (linux; x64)", 400, id="gemini"),
        pytest.param("opencode/1.18.0 ai-sdk/provider-utils/3.0", 400, id="opencode"),
        pytest.param("copilot/1.0.102", 400, id="copilot"),
        pytest.param("litellm/1.75.5", 400, id="aider's litellm"),
        pytest.param("Boto3/1.40.1 md/Botocore#1.40.1", 400, id="boto3"),
    ],
)
def test_a_final_refusal_ends_each_client(agent: str, status: int) -> None:
    """A final refusal has the status that ends the client, says not to retry, and names no time."""
    made = refused(STOPPED, agent=agent)
    assert (made.status, made.headers["x-should-retry"], "retry-after" in made.headers) == (
        status,
        "false",
        False,
    )


@pytest.mark.parametrize("forced", [429, 400, 402, 403])
def test_a_forced_status_wins(forced: int) -> None:
    """The configured status of final refusals holds for every client."""
    assert [refused(STOPPED, agent=agent, forced=forced).status for agent in ("a", "codex_")] == [
        forced,
        forced,
    ]


@pytest.mark.parametrize("agent", ["curl/8", "claude-cli/2"])
def test_a_passing_refusal_is_429_with_an_honest_time(agent: str) -> None:
    """A refusal that waiting cures says for how many seconds, whatever the client."""
    made = refused(BUSY, agent=agent, forced=403)
    assert (made.status, made.headers["retry-after"], "x-should-retry" in made.headers) == (
        429,
        "13",
        False,
    )


def test_openai_shape() -> None:
    """The error carries type, code and the account, and a leash object stands beside it."""
    body = json.loads(refused(STOPPED).body)
    assert body["error"] | {"message": ""} == {
        "message": "",
        "type": "rate_limit_error",
        "param": None,
        "code": "cost_budget",
        "reason": "cost_budget",
        "run": "r1",
        "calls": 18,
        "token_cost": 4.1,
        "compute_cost": 0,
        "total_cost": 4.1,
    }
    assert body["leash"]["limits"] == {"max_cost": 5, "deadline": "15m"}
    assert body["leash"]["raise"] == "leash raise r1 --max-cost +5"


@pytest.mark.parametrize(
    ("forced", "kind"),
    [
        (429, "rate_limit_error"),
        (400, "invalid_request_error"),
        (402, "billing_error"),
        (403, "permission_error"),
    ],
)
def test_anthropic_shape(forced: int, kind: str) -> None:
    """The body is an Anthropic error whose type fits its status."""
    body = json.loads(refused(STOPPED, "anthropic.messages", forced=forced).body)
    assert (body["type"], body["error"]["type"], body["leash"]["reason"]) == (
        "error",
        kind,
        "cost_budget",
    )


def test_gemini_shape_of_a_final_refusal() -> None:
    """A final 429 carries the detail that makes Google's clients stop at once."""
    body = json.loads(refused(STOPPED, "gemini.generate").body)
    assert (body["error"]["code"], body["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert body["error"]["details"][0]["reason"] == "QUOTA_EXHAUSTED"


def test_gemini_shape_of_a_passing_refusal() -> None:
    """A passing 429 says when to come back, in Google's words too."""
    body = json.loads(refused(BUSY, "gemini.generate").body)
    assert body["error"]["details"] == [
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "13s"}
    ]


@pytest.mark.parametrize(
    ("denial", "agent", "kind"),
    [
        pytest.param(STOPPED, "Boto3/1.40", "ValidationException", id="final"),
        pytest.param(BUSY, "Boto3/1.40", "ThrottlingException", id="passing"),
        pytest.param(LEDGER_AWAY, "Boto3/1.40", "ServiceUnavailableException", id="no ledger"),
    ],
)
def test_bedrock_shape(denial: Denial, agent: str, kind: str) -> None:
    """boto3 reads the error's type from a header and its message from the top level."""
    made = refused(denial, "bedrock.converse", agent)
    assert made.headers["x-amzn-errortype"] == kind
    assert json.loads(made.body)["message"].startswith("leash: ")


def test_ollama_shape() -> None:
    """Ollama's clients want a text under ``error``."""
    assert isinstance(json.loads(refused(STOPPED, "ollama.chat").body)["error"], str)


@pytest.mark.parametrize(
    ("denial", "status", "reason"),
    [
        pytest.param(LEDGER_AWAY, 503, "ledger_unavailable", id="no ledger"),
        pytest.param(FAULT, 503, "internal", id="a fault of leash"),
    ],
)
@pytest.mark.parametrize("agent", ["curl/8", "codex_cli_rs/1"])
def test_leash_own_errors(denial: Denial, status: int, reason: str, agent: str) -> None:
    """What is leash's own trouble keeps its status for every client and every setting."""
    made = refused(denial, agent=agent, forced=402)
    assert (made.status, made.headers["x-leash-reason"]) == (status, reason)


@pytest.mark.parametrize("reason", list(Reason))
def test_no_message_makes_a_client_compact(reason: Reason) -> None:
    """No refusal speaks of the length of a context or prompt, whatever its reason."""
    trip = Trip(reason=reason, effect=Effect.STOP, message="no")
    text = refused(Denial.of(trip)).body.decode().lower()
    assert [words for words in ("context length", "prompt is too long") if words in text] == []


def test_an_odd_run_name_stays_out_of_the_headers() -> None:
    """A run's name that no header may carry is in the body only."""
    made = refusal(STOPPED, Caller(shape="openai.chat", run="my run\r\nx: y"))
    assert "x-leash-run" not in made.headers
    assert json.loads(made.body)["leash"]["run"] == "my run\r\nx: y"


def test_a_kill_names_no_way_to_raise() -> None:
    """Nothing lifts a kill, so the body does not pretend so."""
    trip = Trip(reason=Reason.KILL, effect=Effect.STOP, message="the run was killed")
    assert "raise" not in json.loads(refused(Denial.of(trip)).body)["leash"]
