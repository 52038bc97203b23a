"""The address of a PostgreSQL ledger never shows its password."""

import pytest

from leash_addon.core.database_url import DatabaseUrl, database_url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("postgresql://u:pw@h:5432/d", "postgresql://u@h:5432/d", id="password"),
        pytest.param("postgres://u:pw@h/d", "postgres://u@h/d", id="short scheme"),
        pytest.param("postgresql://h/d?password=pw", "postgresql://h/d", id="parameter"),
        pytest.param("postgresql://u:p@w@h/d", "postgresql://u@h/d", id="an unescaped @"),
        pytest.param("postgresql://u:pw@h1,h2/d", "postgresql://u@h1,h2/d", id="two hosts"),
        pytest.param("postgresql:///d", "postgresql:///d", id="no host"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    """Neither ``str`` nor ``repr`` has it."""
    found = DatabaseUrl(url)
    assert (str(found), repr(found)) == (shown, f"DatabaseUrl({shown!r})")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("postgresql://u:p%40w@h/d", "p%40w and p@w", id="as written and as meant"),
        pytest.param("postgresql://h/d?sslpassword=key", "key", id="another password"),
    ],
)
def test_what_others_say_is_redacted(url: str, said: str) -> None:
    """A password within a message is replaced, however it is written there."""
    words = {"p%40w", "p@w", "key"} & set(said.split())
    redacted = DatabaseUrl(url).redacted(f"failed: {said}")
    assert [word for word in words if word in redacted] == []


@pytest.mark.parametrize("text", ["leash.db", "/srv/postgresql/leash.db", "mysql://h/d", ""])
def test_everything_else_names_a_file(text: str) -> None:
    """Only the two schemes of PostgreSQL are a server's."""
    assert database_url(text) is None
