"""What PostgreSQL says, turned into the errors of the ledger; a password is in none of them.

A lock that another proxy holds is worth another try (``LedgerBusy``). A connection that is lost
before a commit has changed nothing (``LedgerError``); within one, nobody can tell
(``LedgerUnsure``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
from psycopg import errors

from leash_addon.core.database_url import DatabaseUrl
from leash_addon.errors import LedgerBusy, LedgerError

type Connection = psycopg.Connection[tuple[Any, ...]]

_BUSY = (errors.LockNotAvailable, errors.DeadlockDetected, errors.SerializationFailure)

_MENDS: dict[type[psycopg.Error], str] = {
    errors.DiskFull: "its disk is full; make room and it recovers by itself",
    errors.ReadOnlySqlTransaction: "it is read-only; name the primary server",
    errors.InsufficientPrivilege: "permission denied; grant the user CREATE on the database, or "
    "USAGE on its schema leash and SELECT, INSERT, UPDATE, DELETE on the tables there",
    errors.InvalidPassword: "the password is wrong; give it in ~/.pgpass or PGPASSWORD",
    errors.InvalidCatalogName: "there is no such database; create it first (createdb)",
    errors.QueryCanceled: "a statement took too long and was given up",
    errors.TooManyConnections: "it has no connection left; raise its max_connections",
}


@contextmanager
def guarded(url: DatabaseUrl) -> Iterator[None]:
    """Translate every error that the database can cause."""
    try:
        yield
    except psycopg.Error as error:
        raise translated(url, error) from None
    except (msgspec.MsgspecError, OverflowError) as error:
        raise unreadable(url, error) from error


def unreadable(url: DatabaseUrl, error: Exception) -> LedgerError:
    """Return the error for a row that is not what it should be."""
    return LedgerError(f"ledger {url}: a row cannot be read or written ({error}); run `leash fsck`")


def translated(url: DatabaseUrl, error: psycopg.Error) -> LedgerError:
    """Return the ledger's error for one of PostgreSQL's."""
    if isinstance(error, _BUSY):
        return LedgerBusy(f"ledger {url}: another process is writing to it; try again")
    for kind, mend in _MENDS.items():
        if isinstance(error, kind):
            return LedgerError(f"ledger {url}: {mend}")
    return LedgerError(f"ledger {url}: {said(url, error)}")


def said(url: DatabaseUrl, error: psycopg.Error) -> str:
    """Return what the server or libpq said, on one line, without a password."""
    return url.redacted(" ".join(str(error).split()) or type(error).__name__)
