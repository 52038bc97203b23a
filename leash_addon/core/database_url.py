"""The address of a PostgreSQL ledger, which never shows its password.

Whatever prints it (a log, an error, a ``repr`` of settings) gets ``shown``; only the connection
itself reads ``secret``.
"""

from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote

SCHEMES = ("postgresql://", "postgres://")


class DatabaseUrl:
    """A ``postgresql://`` URL as libpq reads it.

    https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING, read 2026-11-21.
    """

    __slots__ = ("secret",)

    def __init__(self, secret: str) -> None:
        """Keep the whole URL, password included."""
        self.secret = secret

    @property
    def shown(self) -> str:
        """Return scheme, user, hosts and database: no password, no parameters."""
        scheme, _, rest = self.secret.partition("://")
        place = rest.partition("?")[0].partition("#")[0]
        user, at, hosts = place.rpartition("@")
        return f"{scheme}://{user.partition(':')[0]}{at}{hosts}"

    def redacted(self, text: str) -> str:
        """Return a text of somebody else without our password, however it is written there."""
        for word in sorted(self._secrets(), key=len, reverse=True):
            text = text.replace(word, "***")
        return text

    def _secrets(self) -> Iterator[str]:
        yield self.secret
        user = self.secret.partition("://")[2].partition("?")[0].rpartition("@")[0]
        found = [user.partition(":")[2]]
        query = self.secret.partition("?")[2]
        found += [value for name, value in parse_qsl(query) if name.endswith("password")]
        for word in found:
            if word:
                yield word
                yield unquote(word)

    def __str__(self) -> str:
        """Show it without its password."""
        return self.shown

    def __repr__(self) -> str:
        """Show it without its password."""
        return f"DatabaseUrl({self.shown!r})"

    def __eq__(self, other: object) -> bool:
        """Compare the whole URLs."""
        return isinstance(other, DatabaseUrl) and other.secret == self.secret

    def __hash__(self) -> int:
        """Hash the whole URL."""
        return hash(self.secret)


def database_url(text: str) -> DatabaseUrl | None:
    """Return the URL that a text is; ``None`` for what names a file."""
    return DatabaseUrl(text) if text.startswith(SCHEMES) else None
