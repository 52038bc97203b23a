"""The rows of a SQLite transaction: every question is answered when it is asked."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from leash_addon.core.money import Instant
from leash_addon.ledger.schema import TRIGGERS
from leash_addon.ledger.store import CallTwice, Claim, Row, Rows

_READ = "SELECT state FROM balances WHERE account = ?"
_WRITE = (
    "INSERT INTO balances (account, state) VALUES (?, ?) "
    "ON CONFLICT (account) DO UPDATE SET state = excluded.state"
)
_BUCKET = "SELECT at FROM buckets WHERE bucket = ?"
_FILL = (
    "INSERT INTO buckets (bucket, at) VALUES (?, ?) "
    "ON CONFLICT (bucket) DO UPDATE SET at = excluded.at"
)
_APPEND = "INSERT INTO journal (at, run, call, kind, body) VALUES (?, ?, ?, ?, ?)"
_HOLD = "INSERT INTO holds (call, owner, seq) VALUES (?, ?, ?)"
_NEWEST = "SELECT body FROM journal WHERE run = ? ORDER BY seq DESC LIMIT 1"
_OPENED = "SELECT body FROM journal WHERE call = ? AND kind = 'call_opened'"
_OF_OWNER = (
    "SELECT body FROM holds JOIN journal ON journal.seq = holds.seq "
    "WHERE holds.owner = ? ORDER BY holds.seq"
)
_LET_GO = "DELETE FROM holds WHERE call = ?"
_SETTLED = "SELECT body FROM journal WHERE call = ? AND kind = 'call_settled'"
_ADJUSTED = "SELECT 1 FROM journal WHERE call = ? AND kind = 'call_adjusted'"
_PAY = "INSERT INTO responses (response, call) VALUES (?, ?) ON CONFLICT DO NOTHING"
_CLAIM = (
    "INSERT INTO owners (id, machine, host, pid, started_at, lease_until) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until"
)
_FORGET = "DELETE FROM owners WHERE id = ?"
_CHECKPOINT = (
    "INSERT INTO checkpoints (account, seq, state) VALUES (?, ?, ?) "
    "ON CONFLICT (account) DO UPDATE SET state = excluded.state, seq = excluded.seq"
)
_DELETE = "DELETE FROM journal WHERE seq <= ? AND seq NOT IN (SELECT seq FROM kept)"


class SqliteStore:
    """A ``Store`` on a connection that is in a transaction."""

    __slots__ = ("_conn",)

    def __init__(self, conn: sqlite3.Connection) -> None:
        """Use a connection; its owner begins and commits."""
        self._conn = conn

    def balance(self, account: str) -> str | None:
        """Read a balance."""
        return self._one(_READ, account)

    def bucket(self, key: str) -> Instant | None:
        """Read a bucket."""
        row = self._conn.execute(_BUCKET, (key,)).fetchone()
        return None if row is None else Instant(row[0])

    def fill(self, key: str, at: Instant) -> None:
        """Write a bucket."""
        self._conn.execute(_FILL, (key, at))

    def forget_buckets(self, now: Instant) -> None:
        """Delete the buckets that are full again."""
        self._conn.execute("DELETE FROM buckets WHERE at < ?", (now,))

    def write_balance(self, account: str, state: str, entries: int) -> None:  # noqa: ARG002
        """Write a balance; the journal has no gaps here, so entries are not counted."""
        self._conn.execute(_WRITE, (account, state))

    def append(self, row: Row) -> None:
        """Journal an entry, and its hold where it has an owner."""
        try:
            seq = self._conn.execute(_APPEND, row[:5]).lastrowid
        except sqlite3.IntegrityError as error:
            raise CallTwice(str(error)) from error
        if row.owner is not None:
            self._conn.execute(_HOLD, (row.call, row.owner, seq))

    def newest(self, run: str) -> str | None:
        """Read a run's newest entry."""
        return self._one(_NEWEST, run)

    def opened(self, call: str) -> str | None:
        """Read how a call was opened."""
        return self._one(_OPENED, call)

    def let_go(self, call: str) -> bool:
        """Delete a hold."""
        return bool(self._conn.execute(_LET_GO, (call,)).rowcount)

    def settled(self, call: str) -> str | None:
        """Read how a call was settled."""
        return self._one(_SETTLED, call)

    def adjusted(self, call: str) -> bool:
        """Look for an adjusting entry."""
        return self._conn.execute(_ADJUSTED, (call,)).fetchone() is not None

    def pay(self, response: str, call: str) -> bool:
        """Insert the answer's id unless it is there."""
        return bool(self._conn.execute(_PAY, (response, call)).rowcount)

    def holds_of(self, owner: str) -> Iterable[str]:
        """Read an owner's open calls."""
        return [body for (body,) in self._conn.execute(_OF_OWNER, (owner,)).fetchall()]

    def claim(self, claim: Claim) -> None:
        """Write or renew a lease."""
        self._conn.execute(_CLAIM, claim)

    def forget(self, owner: str) -> None:
        """Delete an owner."""
        self._conn.execute(_FORGET, (owner,))

    def _one(self, sql: str, key: str) -> str | None:
        row = self._conn.execute(sql, (key,)).fetchone()
        return None if row is None else str(row[0])


class SqliteSnapshot:
    """A file within one transaction: a ``Snapshot``, and a ``Whole`` where that one writes."""

    gapless = True

    def __init__(self, conn: sqlite3.Connection) -> None:
        """Use a connection that is in a transaction."""
        self._conn = conn

    def damage(self) -> Iterator[str]:
        """Let SQLite check its file."""
        for (message,) in self._conn.execute("PRAGMA integrity_check(20)"):
            if message != "ok":
                yield str(message)

    def checkpoints(self) -> Iterable[tuple[str, int, str, int]]:
        """Read the checkpoints."""
        return self._conn.execute("SELECT account, seq, state, 0 FROM checkpoints")

    def journal(self) -> Iterable[tuple[Any, ...]]:
        """Read the journal."""
        return self._conn.execute("SELECT seq, at, run, call, kind, body FROM journal ORDER BY seq")

    def balances(self) -> Iterable[tuple[str, str, int | None]]:
        """Read the balances."""
        return self._conn.execute("SELECT account, state, NULL FROM balances")

    def holds(self) -> Iterable[tuple[str, int]]:
        """Read the holds."""
        return self._conn.execute("SELECT call, seq FROM holds")

    def query(self, sql: str, parameters: tuple[object, ...] = ()) -> Rows:
        """Read rows."""
        return self._conn.execute(sql, parameters).fetchall()

    def execute(self, sql: str, parameters: tuple[object, ...] = ()) -> None:
        """Change something."""
        self._conn.execute(sql, parameters)

    def write_balance(self, account: str, state: str, entries: int) -> None:  # noqa: ARG002
        """Write a balance."""
        self._conn.execute(_WRITE, (account, state))

    def write_checkpoint(self, account: str, seq: int, state: str, entries: int) -> None:  # noqa: ARG002
        """Write a checkpoint."""
        self._conn.execute(_CHECKPOINT, (account, seq, state))

    def delete_entries(self, last: int, kept: list[int]) -> int:
        """Delete entries, the triggers that forbid it dropped and restored."""
        for name in TRIGGERS:
            self._conn.execute(f"DROP TRIGGER {name}")
        self._conn.execute("CREATE TEMP TABLE kept (seq INTEGER PRIMARY KEY)")
        self._conn.executemany("INSERT INTO kept VALUES (?)", ((seq,) for seq in kept))
        gone = self._conn.execute(_DELETE, (last,)).rowcount
        self._conn.execute("DROP TABLE kept")
        for statement in TRIGGERS.values():
            self._conn.execute(statement)
        return gone


@contextmanager
def snapshot(conn: sqlite3.Connection) -> Iterator[SqliteSnapshot]:
    """See the file as it is now, whatever others write meanwhile."""
    conn.execute("BEGIN")
    try:
        yield SqliteSnapshot(conn)
    finally:
        conn.execute("ROLLBACK")
