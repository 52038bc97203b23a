"""The two round trips of a transaction, as pipelines: one that locks and reads, one that writes.

Statements of a pipeline are sent together and run one after the other. Under READ COMMITTED each
sees what was committed before it began: the ones after the lock see what the lock protects.

One pipeline spans both: psycopg ends a pipeline with a message that stops the server's clock for
sessions that are idle in a transaction, and a process that hangs there would keep its locks.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from psycopg import Pipeline

from leash_addon.ledger.postgres.faults import Connection
from leash_addon.ledger.postgres.store import Opened, Read, Written
from leash_addon.ledger.settlement import Settlement

_FIND_OPENED = (
    "SELECT journal.call, body, '' FROM journal WHERE call = ANY(%s) AND kind = 'call_opened'"
)
_FIND_HELD = (
    "SELECT holds.call, body, owner FROM holds JOIN journal USING (seq) WHERE owner = ANY(%s) "
    "ORDER BY seq"
)
_MAKE_BALANCES = (
    "INSERT INTO balances (account, state, entries) SELECT key, '', 0 FROM unnest(%s::text[]) key "
    "ORDER BY key ON CONFLICT DO NOTHING"
)
_LOCK_BALANCES = (
    "SELECT account, state FROM balances WHERE account = ANY(%s) ORDER BY account FOR UPDATE"
)
_NEW_BUCKET = -1  # as in the next statement
_MAKE_BUCKETS = (
    "INSERT INTO buckets (bucket, at) SELECT key, -1 FROM unnest(%s::text[]) key "
    "ORDER BY key ON CONFLICT DO NOTHING"
)
_LOCK_BUCKETS = "SELECT bucket, at FROM buckets WHERE bucket = ANY(%s) ORDER BY bucket FOR UPDATE"
_READ = """
SELECT 'newest', run, (SELECT body FROM journal WHERE run = asked.run ORDER BY seq DESC LIMIT 1)
FROM unnest(%s::text[]) AS asked (run)
UNION ALL
SELECT kind, call, CASE WHEN kind = 'call_settled' THEN body END
FROM journal WHERE call = ANY(%s)
UNION ALL
SELECT 'held', call, NULL FROM holds WHERE call = ANY(%s)
"""
_PAY = (
    "INSERT INTO responses (response, call) "
    "SELECT response, call FROM unnest(%s::text[], %s::text[]) "
    "WITH ORDINALITY AS asked (response, call, n) "
    "WHERE EXISTS (SELECT 1 FROM holds WHERE holds.call = asked.call) "
    "ORDER BY response, n ON CONFLICT DO NOTHING RETURNING response, call"
)


class Wanted(NamedTuple):
    """What the first round trip locks and reads; each sorted, each once.

    ``make``, ``make_buckets``: rows that may not be there yet. ``calls``: that ask or end.
    """

    accounts: list[str]
    make: list[str]
    buckets: list[str]
    make_buckets: list[str]
    calls: list[str]
    ends: tuple[Settlement, ...]

    @property
    def runs(self) -> list[str]:
        """Name the runs among the accounts."""
        return [key.removeprefix("run:") for key in self.accounts if key.startswith("run:")]


def find_opened(conn: Connection, calls: list[str], owners: list[str]) -> dict[str, Opened]:
    """Find how calls were opened that this process does not remember. No lock: it never changes."""
    rows: list[tuple[Any, ...]] = []
    if calls:
        rows += conn.execute(_FIND_OPENED, (calls,)).fetchall()
    if owners:
        rows += conn.execute(_FIND_HELD, (owners,)).fetchall()
    return {call: Opened(body=body, owner=owner) for call, body, owner in rows}


def lock_and_read(
    conn: Connection, pipeline: Pipeline, wanted: Wanted, opened: Mapping[str, Opened]
) -> Read:
    """Begin, lock and read, in one round trip."""
    paying = [end for end in wanted.ends if end.response_id is not None and end.usage]
    conn.execute("BEGIN")
    if wanted.make:
        conn.execute(_MAKE_BALANCES, (wanted.make,))
    balances = conn.execute(_LOCK_BALANCES, (wanted.accounts,)) if wanted.accounts else ()
    if wanted.make_buckets:
        conn.execute(_MAKE_BUCKETS, (wanted.make_buckets,))
    buckets = conn.execute(_LOCK_BUCKETS, (wanted.buckets,)) if wanted.buckets else ()
    calls = wanted.calls
    found = conn.execute(_READ, (wanted.runs, calls, calls)) if wanted.accounts else ()
    answers = ([end.response_id for end in paying], [end.call for end in paying])
    paid = conn.execute(_PAY, answers) if paying else ()
    pipeline.sync()
    read = Read(accounts=frozenset(wanted.accounts), opened=opened)
    read.balances.update(balances)
    read.buckets.update((key, None if at == _NEW_BUCKET else at) for key, at in buckets)
    read.paid.update(paid)
    _sort_out(read, found)
    return read


def _sort_out(read: Read, found: Iterable[tuple[Any, ...]]) -> None:
    for what, key, body in found:
        match what:
            case "newest" if body is not None:
                read.newest[key] = body
            case "newest":
                pass
            case "held":
                read.held.add(key)
            case kind:
                read.kinds.setdefault(key, set()).add(kind)
                if kind == "call_settled":
                    read.settled[key] = body


_LET_GO = "DELETE FROM holds WHERE call = ANY(%s)"
_APPEND = """
WITH rows AS (
    INSERT INTO journal (at, run, call, kind, body)
    SELECT at, run, call, kind, body
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[])
    WITH ORDINALITY AS entry (at, run, call, kind, body, n) ORDER BY n
    RETURNING seq, call, kind
)
INSERT INTO holds (call, owner, seq)
SELECT call, owner, seq FROM rows
JOIN unnest(%s::text[], %s::text[]) AS opened (call, owner) USING (call)
WHERE kind = 'call_opened'
"""
_WRITE_BALANCES = (
    "UPDATE balances SET state = new.state, entries = balances.entries + new.entries "
    "FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS new (account, state, entries) "
    "WHERE balances.account = new.account"
)
_WRITE_BUCKETS = (
    "UPDATE buckets SET at = new.at FROM unnest(%s::text[], %s::bigint[]) AS new (bucket, at) "
    "WHERE buckets.bucket = new.bucket"
)
_UNMAKE_BALANCES = "DELETE FROM balances WHERE account = ANY(%s)"
_UNMAKE_BUCKETS = "DELETE FROM buckets WHERE bucket = ANY(%s)"
_CLAIM = (
    "INSERT INTO owners (id, machine, host, pid, started_at, lease_until) "
    "VALUES (%s, %s, %s, %s, %s, %s) "
    "ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until"
)
_FORGET = "DELETE FROM owners WHERE id = ANY(%s)"
_FORGET_BUCKETS = (
    "DELETE FROM buckets WHERE bucket IN (SELECT bucket FROM buckets WHERE at < %s "
    "ORDER BY bucket FOR UPDATE SKIP LOCKED)"
)


def write_and_commit(conn: Connection, read: Read, written: Written) -> None:
    """Write everything and commit, in the round trip that ends the pipeline."""
    if written.let_go:
        conn.execute(_LET_GO, (written.let_go,))
    if written.rows:
        _append(conn, written)
    if written.balances:
        states = list(written.balances.values())
        conn.execute(
            _WRITE_BALANCES,
            (
                list(written.balances),
                [state for state, _ in states],
                [entries for _, entries in states],
            ),
        )
    if written.buckets:
        filled = written.buckets
        conn.execute(_WRITE_BUCKETS, (list(filled), list(filled.values())))
    _unmake(conn, read, written)
    for claim in written.claims:
        conn.execute(_CLAIM, claim)
    if written.forgotten:
        conn.execute(_FORGET, (written.forgotten,))
    if written.full_before is not None:
        conn.execute(_FORGET_BUCKETS, (written.full_before,))
    conn.execute("COMMIT")


def _append(conn: Connection, written: Written) -> None:
    columns = list(zip(*written.rows, strict=True))
    held = [row for row in written.rows if row.owner is not None]
    entries = [list(column) for column in columns[:5]]
    holds = [[row.call for row in held], [row.owner for row in held]]
    conn.execute(_APPEND, (*entries, *holds))


def _unmake(conn: Connection, read: Read, written: Written) -> None:
    """Delete the rows that were made to be locked, and that nothing was booked on."""
    empty = [key for key, state in read.balances.items() if not state]
    if unused := [key for key in empty if key not in written.balances]:
        conn.execute(_UNMAKE_BALANCES, (unused,))
    full = [key for key, at in read.buckets.items() if at is None]
    if unused := [key for key in full if key not in written.buckets]:
        conn.execute(_UNMAKE_BUCKETS, (unused,))
