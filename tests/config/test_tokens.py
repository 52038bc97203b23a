"""Tokens in the configuration."""

import re
from pathlib import Path
from typing import Any

import pytest

from leash_addon.config.load import load
from leash_addon.config.tokens import Grant, digest_of, master_grant, read_tokens, shown_hash
from leash_addon.errors import UsageError

TOKEN = "leash_0123456789abcdefghij"
HASH = shown_hash(TOKEN)


def read(**row: object) -> Grant:
    """Read one entry."""
    return read_tokens([{"hash": HASH, **row}], "leash.toml")[0]


def test_an_entry_is_read_whole() -> None:
    """Name, hash, tenant, tags and expiry reach the grant; a date ends at its beginning, in UTC."""
    grant = read(
        name="team-a",
        tenant="acme",
        tags={"user": ["alice", "bob-*"], "feature": "*"},
        expires="2027-01-31",
    )
    assert grant == Grant(
        name="team-a",
        digest=digest_of(TOKEN.encode()),
        tenant="acme",
        tags={"user": ("alice", "bob-*"), "feature": ("*",)},
        expires=1801353600_000_000,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        pytest.param({"hash": "1234"}, "token 1: hash: write sha256:", id="no hash"),
        pytest.param({"hash": TOKEN}, "token 1: hash: write sha256:", id="the token itself"),
        pytest.param({"name": "a b"}, "token 1: name: is 1 to 128", id="odd name"),
        pytest.param({"tenant": "a/b"}, "token 1: tenant: is 1 to 128", id="odd tenant"),
        pytest.param({"tags": ["user"]}, "token 1: tags: is a table", id="tags are no table"),
        pytest.param({"tags": {"team": "x"}}, "tags.team: is none of", id="unknown tag"),
        pytest.param({"tags": {"user": []}}, "tags.user: write a text", id="no pattern"),
        pytest.param({"expires": "soon"}, "expires: is no date", id="no date"),
        pytest.param({"expire": "2027-01-01"}, "did you mean 'expires'?", id="misspelt"),
    ],
)
def test_what_is_wrong_is_named(row: dict[str, Any], complaint: str) -> None:
    """Each error names file, entry and key, and never quotes the hash or token."""
    with pytest.raises(UsageError, match=re.escape(complaint)) as caught:
        read(**row)
    assert str(caught.value).startswith("leash.toml: token 1")
    assert TOKEN not in str(caught.value)


def test_one_token_has_one_entry() -> None:
    """Two entries of one hash would leave open which of them holds."""
    with pytest.raises(UsageError, match="same hash"):
        read_tokens([{"hash": HASH}, {"hash": HASH}], "leash.toml")


@pytest.mark.parametrize("token", ["", "short", "x" * 19, "with space " * 3, "ü" * 30])
def test_a_short_or_odd_variable_is_no_token(token: str) -> None:
    """What can be guessed, or not be sent, does not guard a proxy."""
    with pytest.raises(UsageError, match="LEASH_AUTH_TOKEN: is no token"):
        master_grant(token)


def test_variable_and_files_are_both_valid(tmp_path: Path) -> None:
    """The variable's token comes first, may say anything, and is nowhere in the settings' text."""
    (tmp_path / "leash.toml").write_text(f'[[token]]\nname = "ci"\nhash = "{HASH}"\n')
    settings = load(env={"LEASH_AUTH_TOKEN": "leash_" + "z" * 30}, cwd=tmp_path, home=tmp_path)
    assert [grant.name for grant in settings.tokens] == ["LEASH_AUTH_TOKEN", "ci"]
    assert settings.tokens[0].tags is None
    assert "z" * 30 not in repr(settings)


@pytest.mark.parametrize(
    ("tags", "tag", "value", "expected"),
    [
        pytest.param({}, "run", "any", True, id="runs are free unless named"),
        pytest.param({}, "user", "alice", False, id="a tag that is not there"),
        pytest.param({"user": "alice"}, "user", "alice", True, id="the very one"),
        pytest.param({"user": "alice"}, "user", "Alice", False, id="case counts"),
        pytest.param({"user": ["a", "bob-*"]}, "user", "bob-7", True, id="a pattern"),
        pytest.param({"run": "nightly-*"}, "run", "other", False, id="a run outside"),
    ],
)
def test_what_may_be_said(tags: dict[str, Any], tag: str, value: str, expected: bool) -> None:
    """A bearer may say what its entry's patterns fit, and nothing of a tag that is not there."""
    assert read(tags=tags).allows(tag, value) is expected


@pytest.mark.parametrize(
    ("row", "tag", "expected"),
    [
        pytest.param({"tags": {"user": "alice"}}, "user", "alice", id="only one is possible"),
        pytest.param({"tags": {"user": "al*"}}, "user", "", id="a pattern says nothing"),
        pytest.param({"tags": {"user": ["a", "b"]}}, "user", "", id="two say nothing"),
        pytest.param({"tenant": "acme"}, "tenant", "acme", id="the tenant"),
    ],
)
def test_what_is_meant_by_silence(row: dict[str, Any], tag: str, expected: str) -> None:
    """Who says nothing is what the token alone says."""
    assert read(**row).implied(tag) == expected
