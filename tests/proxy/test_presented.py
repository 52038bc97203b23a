"""What a client presents."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.proxy.presented import LONGEST, presented, proxy_user

TOKEN = "leash_token"


def basic(text: str | bytes) -> str:
    """Write a Basic credential."""
    raw = text.encode() if isinstance(text, str) else text
    return "Basic " + base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    ("name", "run", "tags"),
    [
        pytest.param("nightly-7", "nightly-7", {}, id="a run"),
        pytest.param(
            "nightly-7;user=alice;feature=search",
            "nightly-7",
            {"user": "alice", "feature": "search"},
            id="a run and tags",
        ),
        pytest.param(
            "leash:run=42;user=alice;team=core",
            "42",
            {"user": "alice", "team": "core"},
            id="leash:",
        ),
        pytest.param("leash:user=alice", "", {"user": "alice"}, id="leash: without a run"),
        pytest.param(";user=alice", "", {"user": "alice"}, id="tags alone"),
        pytest.param("-", "", {}, id="nobody"),
        pytest.param("-;user=alice", "", {"user": "alice"}, id="nobody with tags"),
        pytest.param("a;user;=x;b=", "a", {}, id="tags that say nothing"),
        pytest.param("a;user==x", "a", {"user": "=x"}, id="an equals sign in a value"),
        pytest.param("leash", "leash", {}, id="a run called leash"),
    ],
)
def test_a_proxy_user_is_taken_apart(name: str, run: str, tags: dict[str, str]) -> None:
    """Both spellings give a run and tags."""
    found = proxy_user(name)
    assert (found.run, dict(found.tags)) == (run, tags)


@pytest.mark.parametrize(
    ("headers", "run", "token"),
    [
        pytest.param({}, "", None, id="nothing"),
        pytest.param({"proxy-authorization": basic(f"a:{TOKEN}")}, "a", TOKEN, id="basic"),
        pytest.param({"proxy-authorization": f"Bearer {TOKEN}"}, "", TOKEN, id="bearer"),
        pytest.param({"proxy-authorization": f"bearer  {TOKEN} "}, "", TOKEN, id="odd spaces"),
        pytest.param({"x-leash-token": f" {TOKEN} "}, "", TOKEN, id="header"),
        pytest.param(
            {"x-leash-token": TOKEN, "proxy-authorization": basic("a:b")}, "a", TOKEN, id="both"
        ),
        pytest.param(
            {"proxy-authorization": basic(f"leash:run=42;user=al:{TOKEN}")},
            "42",
            TOKEN,
            id="leash:",
        ),
        pytest.param({"proxy-authorization": basic("leash:x:y")}, "leash", "x:y", id="colons"),
        pytest.param({"proxy-authorization": basic("a")}, "a", "", id="no password"),
        pytest.param({"proxy-authorization": "Basic ???"}, "", "", id="no base64"),
        pytest.param({"proxy-authorization": "Digest x"}, "", "", id="another scheme"),
        pytest.param({"proxy-authorization": "Basic"}, "", "", id="a scheme alone"),
        pytest.param(
            {"proxy-authorization": f"{basic('a:b')}, {basic(f'a:{TOKEN}')}"}, "", "", id="twice"
        ),
        pytest.param(
            {"proxy-authorization": basic(b"\xff\xfe:" + TOKEN.encode())}, "", TOKEN, id="no UTF-8"
        ),
        pytest.param(
            {"proxy-authorization": basic(TOKEN.encode("utf-16"))},
            "",
            "",
            id="UTF-16",
        ),
        pytest.param({"x-leash-token": "x" * (LONGEST + 1)}, "", "", id="endless"),
    ],
)
def test_what_is_presented(headers: dict[str, str], run: str, token: str | None) -> None:
    """A credential that cannot be read is a wrong token, never none and never an error."""
    found = presented(headers)
    assert (found.user.run, found.token) == (run, None if token is None else token.encode())


@given(st.binary(max_size=200))
def test_no_credential_is_an_error(raw: bytes) -> None:
    """Whatever bytes come, in Basic or as a header, something is read and nothing raised."""
    text = raw.decode("utf-8", "surrogateescape")
    for value in (basic(raw), f"Bearer {text}", text):
        presented({"proxy-authorization": value, "x-leash-token": text})
        assert presented({"proxy-authorization": value}).token is not None or not value.strip()


def test_a_token_is_in_no_text() -> None:
    """What was presented can be logged without giving the token away."""
    assert TOKEN not in repr(presented({"proxy-authorization": basic(f"a:{TOKEN}")}))
