"""The schema of the SQLite ledger, as an append-only list of steps.

A step is never edited, reordered or removed once released: a change is a new step. Each is
committed together with its record (sqlite-utils' migrations), so that a crash leaves either all of
a step or nothing of it.

* ``journal``: one immutable row per entry; ``body`` is the entry as JSON, the other columns repeat
  what is searched for. ``(call, kind)`` is unique: a call opens, settles and is adjusted once.
* ``balances``: what each account stands at, as JSON; always the fold of the journal.
* ``holds``: the open calls; ``seq`` is the row of their ``call_opened``.
* ``responses``: ids (hashed) of stored answers that were billed, with the call that paid.
* ``buckets``: the moment at which each rate limit's bucket is full again; no row: it is full.
* ``checkpoints``: what each account stood at after entry ``seq``, up to which entries were pruned.
* ``virtual_keys``: each ``lsh_`` key as a hash, its terms as JSON, and the provider's key, sealed.
* ``owners``: processes that may have holds; alive by lease, and by lock file on their machine.
"""

import sqlite3
from collections.abc import Mapping
from types import MappingProxyType

from leash_addon.errors import LedgerError

SET = "leash"

_FIRST = """
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    run TEXT NOT NULL,
    call TEXT,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX journal_run ON journal (run);
CREATE UNIQUE INDEX journal_call ON journal (call, kind) WHERE call IS NOT NULL;
CREATE TRIGGER journal_is_not_updated BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_not_deleted BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE balances (account TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE holds (call TEXT PRIMARY KEY, owner TEXT NOT NULL, seq INTEGER NOT NULL)
STRICT, WITHOUT ROWID;
CREATE TABLE responses (response TEXT PRIMARY KEY, call TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE owners (
    id TEXT PRIMARY KEY,
    machine TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""

_SECOND = """
CREATE TABLE buckets (bucket TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
"""

_THIRD = """
CREATE TABLE checkpoints (account TEXT PRIMARY KEY, seq INTEGER NOT NULL, state TEXT NOT NULL)
STRICT, WITHOUT ROWID;
"""

_FOURTH = """
CREATE INDEX journal_screened ON journal (seq) WHERE kind = 'screened';
"""

_VIRTUAL_KEYS = """
CREATE TABLE virtual_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    hash TEXT NOT NULL UNIQUE,
    terms TEXT NOT NULL,
    sealed TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

STEPS: tuple[tuple[str, str], ...] = (
    ("001_accounts", _FIRST),
    ("002_buckets", _SECOND),
    ("003_checkpoints", _THIRD),
    ("004_findings", _FOURTH),
    ("005_virtual_keys", _VIRTUAL_KEYS),
)

TRIGGERS: Mapping[str, str] = MappingProxyType(
    {
        "journal_is_not_updated": "CREATE TRIGGER journal_is_not_updated BEFORE UPDATE ON journal "
        "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
        "journal_is_not_deleted": "CREATE TRIGGER journal_is_not_deleted BEFORE DELETE ON journal "
        "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    }
)
"""What keeps the journal append-only, by name; pruning drops and restores them."""

OLDEST_SQLITE = (3, 37, 0)
"""STRICT tables came with 3.37 (https://sqlite.org/stricttables.html, read 2026-11-21)."""


def must_be_ours(conn: sqlite3.Connection) -> None:
    """Refuse, before anything is changed, a file that a newer leash or another program wrote.

    Raises ``LedgerError``; the caller adds the path.
    """
    done = _applied(conn)
    if newer := [name for name in done if name not in [known for known, _ in STEPS]]:
        msg = f"a newer leash wrote it (step {newer[-1]}); upgrade leash, or name another file"
        raise LedgerError(msg)
    if not done:
        _must_be_empty(conn)


def migrate(conn: sqlite3.Connection) -> None:
    """Bring the database to the newest step. The caller holds the opening lock."""
    if _applied(conn) != [name for name, _ in STEPS]:
        _apply(conn)


def _applied(conn: sqlite3.Connection) -> list[str]:
    """Return the recorded steps, read directly: importing sqlite-utils takes 0.15 s."""
    found = conn.execute("SELECT 1 FROM sqlite_schema WHERE name = '_sqlite_migrations'").fetchone()
    if found is None:
        return []
    rows = conn.execute(
        "SELECT name FROM _sqlite_migrations WHERE migration_set = ? ORDER BY rowid", (SET,)
    )
    return [str(name) for (name,) in rows]


def _must_be_empty(conn: sqlite3.Connection) -> None:
    """Refuse to move into another program's database."""
    other = conn.execute(
        "SELECT name FROM sqlite_schema WHERE name NOT LIKE '\\_sqlite%' ESCAPE '\\' "
        "AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE 'idx\\_%' ESCAPE '\\' LIMIT 1"
    ).fetchone()
    if other is not None:
        msg = f"it is another program's database (it has {other[0]!r}); name another file"
        raise LedgerError(msg)


def _apply(conn: sqlite3.Connection) -> None:
    from sqlite_utils import Database, Migrations  # noqa: PLC0415 - only a new file needs it

    steps = Migrations(SET)
    for name, sql in STEPS:
        steps(name=name)(_Step(name, sql))
    steps.apply(Database(conn, recursive_triggers=False, execute_plugins=False))


class _Step:
    """One step, statement by statement: ``executescript`` would commit on its own."""

    def __init__(self, name: str, sql: str) -> None:
        self.__name__ = name
        self._sql = sql

    def __call__(self, db: object, /) -> None:
        conn: sqlite3.Connection = db.conn  # type: ignore[attr-defined]
        for statement in statements(self._sql):
            conn.execute(statement)


def statements(script: str) -> list[str]:
    """Split a script at the lines that end a statement; a trigger's body stays whole."""
    found: list[str] = []
    rest = ""
    for line in script.splitlines(keepends=True):
        rest += line
        if sqlite3.complete_statement(rest):
            found.append(rest.strip())
            rest = ""
    return found
