"""The schema of the PostgreSQL ledger: the steps of the SQLite one, under the same names.

Everything is in a schema of its own, ``leash``. A step is never edited, reordered or removed once
released. All that are missing are applied in one transaction under an advisory lock, so that any
number of proxies may start together on an empty database.

* ``journal.seq`` comes from a sequence, which skips the numbers of transactions that failed:
  ``balances.entries`` counts the entries of each account, so that a lost one is missed.
* Keys are compared byte by byte (``COLLATE "C"``), as SQLite does.
* ``fillfactor``: a balance is replaced by every call; room in its page lets it stay there.
"""

from typing import LiteralString

import psycopg

from leash_addon.errors import LedgerError
from leash_addon.ledger.postgres.faults import Connection

_FIRST: LiteralString = """
CREATE TABLE journal (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    call TEXT COLLATE "C",
    kind TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX journal_run ON journal (run, seq);
CREATE UNIQUE INDEX journal_call ON journal (call, kind) WHERE call IS NOT NULL;
CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$;
CREATE TRIGGER journal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
FOR EACH STATEMENT EXECUTE FUNCTION journal_is_append_only();

CREATE TABLE balances (
    account TEXT COLLATE "C" PRIMARY KEY,
    state TEXT NOT NULL,
    entries BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE holds (call TEXT COLLATE "C" PRIMARY KEY, owner TEXT NOT NULL, seq BIGINT NOT NULL);
CREATE TABLE responses (response TEXT COLLATE "C" PRIMARY KEY, call TEXT NOT NULL);
CREATE TABLE owners (
    id TEXT COLLATE "C" PRIMARY KEY,
    machine TEXT NOT NULL,
    host TEXT NOT NULL,
    pid BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    lease_until BIGINT NOT NULL
);
"""

_SECOND: LiteralString = """
CREATE TABLE buckets (bucket TEXT COLLATE "C" PRIMARY KEY, at BIGINT NOT NULL)
WITH (fillfactor = 50);
"""

_THIRD: LiteralString = """
CREATE TABLE checkpoints (
    account TEXT COLLATE "C" PRIMARY KEY,
    seq BIGINT NOT NULL,
    state TEXT NOT NULL,
    entries BIGINT NOT NULL
);
"""

_FOURTH: LiteralString = """
CREATE INDEX journal_screened ON journal (seq) WHERE kind = 'screened';
"""

_VIRTUAL_KEYS: LiteralString = """
CREATE TABLE virtual_keys (
    id TEXT COLLATE "C" PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    hash TEXT COLLATE "C" NOT NULL UNIQUE,
    terms TEXT NOT NULL,
    sealed TEXT NOT NULL
);
"""

STEPS: tuple[tuple[str, LiteralString], ...] = (
    ("001_accounts", _FIRST),
    ("002_buckets", _SECOND),
    ("003_checkpoints", _THIRD),
    ("004_findings", _FOURTH),
    ("005_virtual_keys", _VIRTUAL_KEYS),
)

_LOCK = "SELECT pg_advisory_xact_lock(465641404264)"  # "leash", as a number
_THERE = (
    "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'leash' AND tablename = 'migrations')"
)
"""Not ``to_regclass``: within a transaction it may answer from a cache that is a step behind."""

_OTHER = "SELECT tablename FROM pg_tables WHERE schemaname = 'leash' LIMIT 1"
_BEGINNING: LiteralString = """
CREATE SCHEMA IF NOT EXISTS leash;
CREATE TABLE leash.migrations (
    name TEXT PRIMARY KEY,
    applied_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
"""


def migrate(conn: Connection) -> None:
    """Bring the database to the newest step; without a lock when it is there already.

    Raises ``LedgerError`` for the database of a newer leash; the caller adds the place.
    """
    if _missing(conn):
        with conn.transaction():
            conn.execute(_LOCK)
            for name, sql in _missing(conn):
                conn.execute(sql)
                conn.execute("INSERT INTO leash.migrations (name) VALUES (%s)", (name,))


def _missing(conn: Connection) -> list[tuple[str, LiteralString]]:
    """Return the steps that were not applied, with what they stand on."""
    if not _one(conn, _THERE):
        if not _in_transaction(conn):
            return list(STEPS)
        _begin_with(conn)
    done = [str(name) for (name,) in conn.execute("SELECT name FROM leash.migrations")]
    if newer := sorted(set(done) - {name for name, _ in STEPS}):
        msg = f"a newer leash wrote it (step {newer[-1]}); upgrade leash, or name another database"
        raise LedgerError(msg)
    return [step for step in STEPS if step[0] not in done]


def _begin_with(conn: Connection) -> None:
    """Make the schema; refuse one of another program."""
    row = conn.execute(_OTHER).fetchone()
    if row is not None:
        msg = f"its schema 'leash' is another program's (it has {row[0]!r}); name another database"
        raise LedgerError(msg)
    conn.execute(_BEGINNING)


def _in_transaction(conn: Connection) -> bool:
    return conn.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS


def _one(conn: Connection, sql: LiteralString) -> bool:
    row = conn.execute(sql).fetchone()
    return row is not None and bool(row[0])
