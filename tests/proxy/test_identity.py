"""Who calls: the headers and bodies that real programs send, and the order of sources."""

import json
from typing import Any

import pytest

from leash_addon.config.sources import run_sources, sources
from leash_addon.config.tokens import Grant
from leash_addon.proxy.identity import Forbidden, Identity, Sighting
from leash_addon.proxy.presented import proxy_user
from leash_addon.wire.asked import parse_request
from leash_addon.wire.routes import Route
from leash_addon.wire.senders import Sender, sender_of, session_of

SESSION = "0b6e6c2a-5f0d-4c55-9f0b-1f6f1d1f7a10"
PERSON = "3f0d9d7e-11aa-4e2b-8a55-90c1a2b3c4d5"
DEVICE = "d" * 64
ROUTE = Route(provider="p", format="anthropic.messages")


def body(**members: Any) -> bytes:  # noqa: ANN401 - any JSON
    """Write a request's body."""
    return json.dumps({"model": "m", "messages": [], **members}).encode()


CLIENTS = [
    pytest.param(
        {"user-agent": "claude-cli/2.1.330", "x-claude-code-session-id": SESSION},
        body(metadata={"user_id": f"user_{DEVICE}_account_{PERSON}_session_{SESSION}"}),
        Sender(session=SESSION, user=PERSON),
        id="claude code",
    ),
    pytest.param(
        {"user-agent": "claude-cli/1.0.0"},
        body(metadata={"user_id": f"user_{DEVICE}_account__session_{SESSION}"}),
        Sender(session=SESSION, user=DEVICE),
        id="claude code with a key",
    ),
    pytest.param(
        {"user-agent": "claude-cli/2.2.0"},
        body(
            metadata={
                "user_id": json.dumps(
                    {"device_id": DEVICE, "account_uuid": PERSON, "session_id": SESSION}
                )
            }
        ),
        Sender(session=SESSION, user=PERSON),
        id="claude code, as JSON",
    ),
    pytest.param(
        {"user-agent": "codex_cli_rs/0.169", "session-id": SESSION, "thread-id": "t-1"},
        body(),
        Sender(session=SESSION),
        id="codex",
    ),
    pytest.param(
        {"user-agent": "codex_cli_rs/0.169", "thread-id": "t-1"},
        body(),
        Sender(session="t-1"),
        id="codex without a session",
    ),
    pytest.param(
        {"user-agent": "opencode/1.18", "x-session-id": "ses_1"},
        body(),
        Sender(session="ses_1"),
        id="opencode",
    ),
    pytest.param({"user-agent": "GeminiCLI/0.61"}, body(contents=[]), Sender(), id="gemini"),
    pytest.param(
        {"user-agent": "OpenAI/Python 3.54"},
        body(user="u-1", safety_identifier="s-1"),
        Sender(session="s-1", user="s-1"),
        id="openai with a safety identifier",
    ),
    pytest.param({}, body(user="u-1"), Sender(session="u-1", user="u-1"), id="openai with a user"),
    pytest.param(
        {},
        body(metadata={"session_id": "s-2", "user_id": "alice"}),
        Sender(session="s-2", user="alice"),
        id="openai with metadata",
    ),
    pytest.param({}, b"", Sender(), id="no body"),
    pytest.param({}, b"[1]", Sender(), id="no object"),
    pytest.param({}, b"{" * 100_000, Sender(), id="deep nonsense"),
    pytest.param({}, b'{"metadata":' + b"[" * 100_000, Sender(), id="deep metadata"),
    pytest.param({}, b'\xff{"user":"a"}', Sender(), id="no UTF-8"),
    pytest.param({}, body(user=7, metadata=[1], safety_identifier={}), Sender(), id="other types"),
]


@pytest.mark.parametrize(("headers", "raw", "expected"), CLIENTS)
def test_sessions_are_read_as_the_programs_send_them(
    headers: dict[str, str], raw: bytes, expected: Sender
) -> None:
    """Each program's session and person are found where it puts them, and nowhere else."""
    assert sender_of(headers, parse_request(ROUTE, headers, raw).top) == expected


@pytest.mark.parametrize(
    "odd", ["a b", "x" * 129, "../..", "a/b", "-v", "bob@example.com", "a\r\nb", "\ud800"]
)
def test_an_odd_session_is_known_by_its_hash(odd: str) -> None:
    """What could not stand in a run's name becomes a hash: stable, and another for another."""
    one, other = session_of({"session-id": odd}), session_of({"session-id": odd + "x"})
    assert (one[:2], len(one), one == session_of({"session-id": odd})) == ("h-", 26, True)
    assert one != other


def sighting(**given: Any) -> Sighting:  # noqa: ANN401 - its fields
    """See a request."""
    given.setdefault("headers", {})
    return Sighting(**given)


EVERYTHING = {
    "headers": {"x-loop-id": "header", "session-id": "session", "x-team": "team"},
    "user": proxy_user("user;user=alice"),
    "path_run": "path",
    "key": "k" * 16,
    "ip": "192.0.2.1",
}


@pytest.mark.parametrize(
    ("listed", "without", "expected"),
    [
        pytest.param(None, (), "user", id="proxy user first"),
        pytest.param(None, ("user",), "header", id="then the header"),
        pytest.param("path,header:x-loop-id", (), "path", id="another order"),
        pytest.param("header:x-team", (), "team", id="any header"),
        pytest.param("agent-session,default", (), "session", id="agent's session"),
        pytest.param("key", (), "k" * 16, id="key"),
        pytest.param("ip", (), "192.0.2.1", id="address"),
        pytest.param("header:x-none,default", (), "default", id="default"),
    ],
)
def test_the_first_source_that_says_something_decides(
    listed: str | None, without: tuple[str, ...], expected: str
) -> None:
    """Runs come from the list's sources in the list's order."""
    seen = {name: value for name, value in EVERYTHING.items() if name not in without}
    identity = Identity() if listed is None else Identity(run_from=run_sources(listed))
    assert identity.caller(sighting(**seen)).run == expected


def test_a_path_names_a_run_and_nothing_else() -> None:
    """Without user and header the path's run counts before the agent's session."""
    seen = sighting(headers={"session-id": "s"}, path_run="path")
    assert Identity().caller(seen).run == "path"


def test_what_the_body_may_tell_is_waited_for() -> None:
    """A call is not sure of its run before its body is read, unless something earlier says it."""
    early = Identity().caller(sighting())
    late = Identity().caller(sighting(sender=Sender(session="s-1")))
    named = Identity().caller(sighting(user=proxy_user("run")))
    assert (early.run, early.sure) == ("default", False)
    assert (late.run, late.sure) == ("s-1", True)
    assert (named.run, named.sure) == ("run", True)


def test_a_run_may_be_required() -> None:
    """Where a run id is required nothing falls to the default, once the body is read."""
    identity = Identity(required=True)
    early = identity.caller(sighting())
    with pytest.raises(ValueError, match="no run id"):
        identity.caller(sighting(sender=Sender()))
    assert (early.run, early.sure) == ("", False)
    assert identity.caller(sighting(sender=Sender(session="s"))).run == "s"


def test_tags_come_from_their_own_lists() -> None:
    """User, feature and tenant each have their sources; the tenant scopes the run."""
    identity = Identity(
        user_from=sources("agent-user"),
        feature_from=sources("header:x-team"),
        tenant_from=sources("header:x-tenant"),
    )
    caller = identity.caller(
        sighting(
            headers={"x-team": "search", "x-tenant": "acme"},
            user=proxy_user("run;user=claimed"),
            sender=Sender(user="seen"),
        )
    )
    assert caller.run == "acme/run"
    assert dict(caller.tags) == {"user": "seen", "feature": "search", "tenant": "acme"}


GRANT = Grant(name="t", digest=b"", tenant="acme", tags={"user": ("alice",), "run": ("nightly-*",)})


@pytest.mark.parametrize(
    "user",
    ["nightly-1;user=bob", "nightly-1;feature=x", "nightly-1;tenant=rival", "daily-1"],
)
def test_a_claim_that_the_token_does_not_allow_is_forbidden(user: str) -> None:
    """User, feature, tenant and run are held to what the token's entry says."""
    with pytest.raises(Forbidden, match="the token t does not allow"):
        Identity().caller(sighting(user=proxy_user(user), grant=GRANT))


def test_what_is_only_seen_goes_by_unused_where_it_is_not_allowed() -> None:
    """An agent's own session cannot be an offence; the token's only user is implied."""
    seen = sighting(headers={"session-id": "daily"}, sender=Sender(), grant=GRANT)
    caller = Identity().caller(seen)
    assert (caller.run, caller.tags["user"]) == ("acme/default", "alice")


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        pytest.param("proxy_user", "did you mean 'proxy-user'", id="misspelt"),
        pytest.param(["header:"], "is no source", id="a header without a name"),
        pytest.param(["header:a b"], "is no source", id="no header's name"),
        pytest.param([], "names no source", id="none"),
        pytest.param(7, "is no list", id="a number"),
    ],
)
def test_a_wrong_source_is_named(value: object, complaint: str) -> None:
    """A source that is none is an error with what was meant."""
    with pytest.raises(ValueError, match=complaint):
        run_sources(value)


def test_a_path_names_no_user() -> None:
    """Only runs stand in a path."""
    with pytest.raises(ValueError, match="is no source"):
        sources("path")
