"""The few connections of one process: made when needed, and again when they were lost.

A server that cannot be reached is tried again after a pause that grows from a tenth of a second to
two. Until then whoever asks is told so at once: a call is refused, it does not wait.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from leash_addon.core.database_url import DatabaseUrl
from leash_addon.core.money import SECOND
from leash_addon.errors import LedgerError, UsageError
from leash_addon.ledger.postgres.faults import Connection, translated

SIZE = 2
"""Connections of a process: one that writes, and one that reads beside it."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 2.0

TOLERATED_SKEW = SECOND
"""Clocks that differ by less are taken to agree; leases are thirty times as long."""

_DEFAULTS: dict[str, str | int] = {
    "application_name": "leash",
    "connect_timeout": 3,
    "target_session_attrs": "read-write",
    "tcp_user_timeout": 5_000,
    "keepalives_idle": 10,
}

_CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

_LOST = ("57P", "08", "25P03")
"""SQL states: shut down, connection exception, idle in a transaction for too long
(https://www.postgresql.org/docs/15/errcodes-appendix.html, read 2026-11-21)."""

_SETTINGS = """
SET search_path TO leash, pg_catalog;
SET default_transaction_isolation TO 'read committed';
SET statement_timeout TO '10s';
SET lock_timeout TO '1s';
SET idle_in_transaction_session_timeout TO '5s';
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off';
"""
"""A process that stops in the middle (SIGSTOP, a dead network) frees its locks after 5 s. A commit
is on the disk before a call goes upstream: a crash of the server must not forget it."""


class Pool:
    """At most ``SIZE`` connections to one database. Safe for threads."""

    def __init__(self, url: DatabaseUrl) -> None:
        """Connect to nothing yet. Raises ``UsageError`` for a URL that is none."""
        self.skew = 0
        self._url = url
        self._parameters = _parameters(url)
        self._idle: list[Connection] = []
        self._free = threading.BoundedSemaphore(SIZE)
        self._away = Away()

    def take(self) -> Connection:
        """Take a connection, to be given back. Raises ``LedgerError`` when there is none."""
        self._free.acquire()
        try:
            return self._idle.pop() if self._idle else self._connect()
        except BaseException:
            self._free.release()
            raise

    def give_back(self, conn: Connection) -> None:
        """Roll back what is open and keep the connection; close one that is of no more use."""
        with suppress(psycopg.Error):
            if conn.info.transaction_status is not TransactionStatus.IDLE:
                conn.rollback()
        if conn.info.transaction_status is TransactionStatus.IDLE:
            self._idle.append(conn)
        else:
            conn.close()
        self._free.release()

    @contextmanager
    def taken(self) -> Iterator[Connection]:
        """Have a connection for oneself."""
        conn = self.take()
        try:
            yield conn
        finally:
            self.give_back(conn)

    def retried[T](self, act: Callable[[Connection], T]) -> T:
        """Do what may be done twice; a second time when the connection turned out to be lost."""
        with self.taken() as conn:
            try:
                return act(conn)
            except psycopg.OperationalError as error:
                if not is_lost(conn, error):
                    raise
        self.close()  # the others are as old
        with self.taken() as conn:
            return act(conn)

    def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop().close()

    def _connect(self) -> Connection:
        self._away.must_be_over()
        before = time.time_ns()
        try:
            conn: Connection = psycopg.connect(autocommit=True, **self._parameters)
            conn.prepare_threshold = 1
            ((there,),) = conn.execute(_CLOCK).fetchall()
            conn.execute(_SETTINGS)
        except psycopg.Error as error:
            raise self._away.begin(translated(self._url, error)) from None
        self._away = Away()
        here = (before + time.time_ns()) // 2_000
        self.skew = there - here if abs(there - here) > TOLERATED_SKEW else 0
        return conn


class Away:
    """How long a server that cannot be reached is left alone."""

    def __init__(self) -> None:
        """Begin with a server that is there."""
        self._why: LedgerError | None = None
        self._until = 0.0
        self._pause = FIRST_PAUSE / 2

    def must_be_over(self) -> None:
        """Raise what the last attempt said, until it is time for another."""
        if self._why is not None and time.monotonic() < self._until:
            raise LedgerError(str(self._why))

    def begin(self, why: LedgerError) -> LedgerError:
        """Note that an attempt has failed; return why."""
        self._why = why
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._until = time.monotonic() + self._pause
        return why


def is_lost(conn: Connection, error: psycopg.Error) -> bool:
    """Tell whether an error ends the connection: the server is away, or has dropped us."""
    state = error.sqlstate
    return conn.closed or state is None or state.startswith(_LOST)


def _parameters(url: DatabaseUrl) -> dict[str, Any]:
    """Return libpq's parameters: what the URL says over our defaults."""
    try:
        given = conninfo_to_dict(url.secret)
    except psycopg.Error:  # its message would have the URL in it, or a part
        msg = (
            f"--db {url}: it cannot be read; write postgresql://USER@HOST/DATABASE, with %40 for @ "
            "and the like in names and passwords"
        )
        raise UsageError(msg) from None
    return _DEFAULTS | given
