"""Refusals that look like the provider's own errors, with leash's account beside them.

Status and headers decide whether a client stops or comes back: a final refusal carries
``x-should-retry: false`` and never Retry-After; a passing one is 429 with an honest Retry-After.
Bodies follow the providers' error formats:
OpenAI https://platform.openai.com/docs/guides/error-codes, Anthropic
https://docs.anthropic.com/en/api/errors, Gemini https://cloud.google.com/apis/design/errors,
Bedrock https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html (2025-11).
A message never speaks of the length of a prompt: clients answer that by compacting and retrying.
"""

import math
from dataclasses import dataclass, field

import msgspec

from leash_addon.core.verdict import Reason
from leash_addon.ledger import raise_hint
from leash_addon.proxy.account import Account, time_of
from leash_addon.proxy.clients import UNKNOWN, Client
from leash_addon.proxy.denials import FAULT, INTERNAL, LEDGER_AWAY, UNAVAILABLE, Denial
from leash_addon.proxy.dialects import Dialect, Occasion
from leash_addon.proxy.identify import SCOPED_RUN

__all__ = ["FAULT", "INTERNAL", "LEDGER_AWAY", "Caller", "Denial", "Refusal", "refusal"]

type Json = dict[str, object]

_OPENAI = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    407: "authentication_error",
    429: "rate_limit_error",
    500: "server_error",
    503: "server_error",
}
_ANTHROPIC = _OPENAI | {500: "api_error", 503: "overloaded_error"}
_GEMINI = {
    400: "FAILED_PRECONDITION",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
_BEDROCK = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    402: "ServiceQuotaExceededException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


_CHALLENGES = {
    401: {"www-authenticate": 'Bearer realm="leash"'},
    407: {"proxy-authenticate": 'Basic realm="leash"'},
}
"""What a client is asked to prove itself with (RFC 9110 section 11.6)."""
_NO_RETRY = frozenset({400, 402})
"""Final statuses of clients that would come back after a 403."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that leash gives itself."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is refused: what it spoke to, and what is known of it.

    ``shape``: wire format or provider. ``forced``: the status that the settings ask for.
    ``streamed``: the call asked for a stream.
    """

    shape: str
    run: str = ""
    client: Client = field(default=UNKNOWN)
    forced: int | None = None
    account: Account | None = None
    streamed: bool = False


def refusal(denial: Denial, caller: Caller) -> Refusal:
    """Shape a refusal as the caller's provider would, or in its client's own dialect."""
    dialect = _dialect(denial, caller)
    status = denial.status or _status(denial, caller) if dialect is None else dialect.status
    message, leash = said(denial, caller)
    headers = {
        "content-type": "application/json",
        "x-leash-reason": denial.reason,
        **({"x-leash-run": caller.run} if SCOPED_RUN.fullmatch(caller.run) else {}),
        **_retry(denial),
        **_CHALLENGES.get(status, {}),
    }
    kind = kind_of(caller.shape)
    if kind == "bedrock":
        headers["x-amzn-errortype"] = _BEDROCK.get(status, "ServiceException")
    if dialect is not None:
        headers |= dialect.headers
    if dialect is not None and dialect.body:
        body = dialect.filled(
            {
                "message": message,
                "reason": denial.reason,
                "run": caller.run,
                "leash": leash,
                "status": status,
                "seconds": _seconds(denial),
            }
        )
    else:
        body = msgspec.json.encode(_body(kind, status, message, denial, leash))
    return Refusal(status=status, headers=headers, body=body)


def _dialect(denial: Denial, caller: Caller) -> Dialect | None:
    """Return the client's own way; a status that is asked for, or says what is wrong, stays."""
    occasion = occasion_of(denial)
    if occasion is not Occasion.ERROR and (caller.forced or denial.status is not None):
        return None
    return caller.client.answer(occasion, caller.shape, streamed=caller.streamed)


def occasion_of(denial: Denial) -> Occasion:
    """Return what kind of refusal it is."""
    if not denial.final:
        return Occasion.PASSING
    if denial.status == UNAVAILABLE:
        return Occasion.ERROR
    return Occasion.SCREENING if denial.reason == Reason.SCREENING else Occasion.FINAL


def _seconds(denial: Denial) -> int:
    return max(1, math.ceil(denial.retry_after or 1))


def said(denial: Denial, caller: Caller) -> tuple[str, Json]:
    """Return what people are told, and what machines are told beside it."""
    hint = raise_hint(caller.run, Reason(denial.reason)) if _has_hint(denial, caller) else None
    return _message(denial, caller, hint), _leash(denial, caller, hint)


def error_body(denial: Denial, caller: Caller, status: int) -> Json:
    """Return the error as the caller's provider writes it."""
    message, leash = said(denial, caller)
    return _body(kind_of(caller.shape), status, message, denial, leash)


def _status(denial: Denial, caller: Caller) -> int:
    if not denial.final:
        return 429
    if denial.reason == Reason.SCREENING and not caller.forced:
        return caller.client.final if caller.client.final in _NO_RETRY else 403
    return caller.forced or caller.client.final


def _retry(denial: Denial) -> dict[str, str]:
    if denial.final:
        return {"x-should-retry": "false"}
    return {"retry-after": str(_seconds(denial))}


def _has_hint(denial: Denial, caller: Caller) -> bool:
    return bool(caller.run) and denial.final and denial.reason in set(Reason)


def _message(denial: Denial, caller: Caller, hint: str | None) -> str:
    where = f", run {caller.run}" if caller.run else ""
    account = f", {caller.account.sentence}" if caller.account else ""
    way = f" To go on: {hint}" if hint else ""
    return f"leash: {denial.message} ({denial.reason}{where}{account}).{way}"


def _leash(denial: Denial, caller: Caller, hint: str | None) -> Json:
    found: Json = {"reason": denial.reason, "run": caller.run}
    if caller.account is not None:
        found |= caller.account.fields()
        found["limits"] = caller.account.limits()
    if denial.account:
        found["account"] = denial.account
    if denial.resets_at is not None:
        found["resets_at"] = time_of(denial.resets_at)
    if hint:
        found["raise"] = hint
    return found | dict(denial.more)


def kind_of(shape: str) -> str:
    """Return whose error body a wire format has, or a provider without a known one."""
    for kind, marks in (
        ("anthropic", ("anthropic",)),
        ("gemini", ("gemini", "vertex", "google")),
        ("bedrock", ("bedrock",)),
        ("ollama", ("ollama",)),
    ):
        if shape.startswith(marks):
            return kind
    return "openai"


def _body(kind: str, status: int, message: str, denial: Denial, leash: Json) -> Json:
    match kind:
        case "anthropic":
            error: Json = {"type": _ANTHROPIC.get(status, "api_error"), "message": message}
            return {"type": "error", "error": error, "leash": leash}
        case "gemini":
            state = _GEMINI.get(status, "UNKNOWN")
            error = {"code": status, "message": message, "status": state}
            return {"error": error | {"details": _details(denial)}, "leash": leash}
        case "bedrock":
            return {"message": message, "leash": leash}
        case "ollama":
            return {"error": message, "leash": leash}
        case _:
            error = {
                "message": message,
                "type": _OPENAI.get(status, "server_error"),
                "param": None,
                "code": denial.reason,
            }
            account = {k: v for k, v in leash.items() if k in _ACCOUNT or k in denial.more}
            return {"error": error | account, "leash": leash}


_ACCOUNT = frozenset({"reason", "run", "calls", "token_cost", "compute_cost", "total_cost"})


def _details(denial: Denial) -> list[Json]:
    if not denial.final:
        delay = f"{_seconds(denial)}s"
        return [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}]
    if denial.reason == Reason.SCREENING:
        error = {"reason": "SCREENING", "domain": "leash"}
        return [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", **error}]
    is_auth = denial.reason == Reason.AUTH.value
    return [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID" if is_auth else "QUOTA_EXHAUSTED",
            # gemini-cli takes the second for final only from this domain.
            "domain": "googleapis.com" if is_auth else "cloudcode-pa.googleapis.com",
            "metadata": {"leash_reason": denial.reason},
        }
    ]
