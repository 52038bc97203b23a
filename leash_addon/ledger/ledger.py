"""The ledger: one SQLite file that any number of processes account in.

Every change is one transaction under the write lock: the balances it touches are read, the pure
core decides, entries are appended, and the same fold that proves the balances updates them. The
cost of a call does not depend on the journal's length.

A ``Ledger`` is one connection, used by one thread at a time. It blocks for at most ``wait``
seconds (see ``open_ledger``), not at all once a ``LedgerWriter`` has it.
"""

import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from leash_addon.core.ask import Ask
from leash_addon.core.balance import EMPTY, Balance
from leash_addon.core.journal import CapRaised, Entry, RunStarted
from leash_addon.core.limits import Ceiling, Limits
from leash_addon.core.money import Instant
from leash_addon.core.terms import Terms
from leash_addon.core.verdict import Verdict
from leash_addon.errors import LedgerError
from leash_addon.ledger import runs
from leash_addon.ledger.admission import admit
from leash_addon.ledger.books import Books, Codec, run_account
from leash_addon.ledger.charging import Charging, forget_buckets, has_full_bucket
from leash_addon.ledger.connection import beside
from leash_addon.ledger.faults import guarded
from leash_addon.ledger.fsck import Problem, fsck
from leash_addon.ledger.owners import Owners
from leash_addon.ledger.settlement import Settlement
from leash_addon.ledger.settling import settle
from leash_addon.ledger.standing import (
    Standing,
    last_activity,
    read_caps,
    read_entries,
    read_runs,
    status_of,
    unknown_run,
)
from leash_addon.ledger.transaction import Transaction
from leash_addon.ledger.upkeep import Upkeep

_CLOSING_WAIT = 500
"""Milliseconds that closing may wait for another's write lock, also on an event loop."""


class Ledger:
    """The accounts of one file. Made by ``open_ledger``; closed by ``close`` or ``with``.

    Every method raises ``LedgerBusy`` while another process holds the write lock, and
    ``LedgerError`` when the file cannot be read or written.
    ``on_commit`` is called with the new entries after each transaction that had some.
    """

    def __init__(self, conn: sqlite3.Connection, path: Path, terms: Terms) -> None:
        """Take over an open connection; the schema is there."""
        self.path = path
        self.on_commit: Callable[[tuple[Entry, ...]], None] = _nobody
        self._conn = conn
        self._codec = Codec()
        self._charging = Charging(terms)
        self._owners = Owners(conn, beside(path, ".owners"), self._transaction)
        self.upkeep = Upkeep(conn, self._codec, path, self._transaction)
        found = path.stat()
        self._identity = (found.st_dev, found.st_ino)

    def __enter__(self) -> Self:
        """Return itself: ``with open_ledger(path) as ledger``."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Close the file."""
        self.close()

    # --- runs

    def start_run(
        self,
        run: str,
        limits: Limits | None,
        *,
        program: str = "",
        prices: str = "",
        now: Instant,
    ) -> Balance:
        """Govern a run from now on, new or continued; with ``limits`` None it keeps its own.

        Raises ``UsageError`` for a stopped run whose recorded limits differ from those given.
        """
        owner = self.enter(now)
        entry = RunStarted(run=run, at=now, owner=owner, program=program, prices=prices)
        return self._change(run, lambda books: runs.start(books, entry, limits))

    def finish_run(self, run: str, exit_code: int, now: Instant) -> Balance:
        """Record that the run's command ended. Raises ``UsageError`` for an unknown run."""
        owner = self.enter(now)
        self.balance(run)
        return self._change(run, lambda books: runs.finish(books, run, owner, exit_code, now))

    def kill(self, run: str, now: Instant, *, by: str = "") -> Balance:
        """End a run by hand; it holds on the very next call. ``UsageError`` for an unknown run."""
        self.balance(run)
        return self._change(run, lambda books: runs.kill(books, run, by, now))

    def raise_limits(self, run: str, limits: Limits, now: Instant, *, by: str = "") -> Balance:
        """Record new limits, whole. ``stopped`` of the returned balance tells what they lifted."""
        self.balance(run)
        return self._change(run, lambda books: runs.raise_limits(books, run, limits, by, now))

    # --- caps

    def raise_cap(self, account: str, ceiling: Ceiling, now: Instant, *, by: str = "") -> Balance:
        """Raise a cap for one account and window, on the record; a raise never lowers."""
        with self._transaction() as books:
            books.record(CapRaised(run="", at=now, account=account, ceiling=ceiling, by=by))
        self._committed(books)
        return books.find(account) or EMPTY

    def cap_balances(self) -> Iterator[tuple[str, Balance]]:
        """Yield every account of a cap with its balance, in key order."""
        with guarded(self.path):
            yield from read_caps(self._conn, self._codec)

    def _change(self, run: str, change: Callable[[Books], None]) -> Balance:
        with self._transaction() as books:
            change(books)
        self._committed(books)
        return books.find(run_account(run)) or EMPTY

    # --- calls

    def admit(self, ask: Ask, now: Instant) -> Verdict:
        """Decide one call and record it, in one transaction."""
        verdict = self.book((), (ask,), now)[0]
        if isinstance(verdict, LedgerError):
            raise verdict
        return verdict

    def settle(self, settlements: Sequence[Settlement]) -> tuple[Entry, ...]:
        """Book the ends of some calls in one transaction; return what was newly recorded."""
        with self._transaction() as books:
            for end in settlements:
                settle(books, self._charging, end)
        return self._committed(books)

    def book(
        self, ends: Sequence[Settlement], asks: Sequence[Ask], now: Instant
    ) -> list[Verdict | LedgerError]:
        """Settle some calls and then decide others, all in one transaction.

        An ask that cannot be decided (its run was never started) has its error in its place;
        the others go on.
        """
        owner = self._owners.me.id if self._owners.me is not None else self.enter(now)
        with self._transaction() as books:
            for end in ends:
                settle(books, self._charging, end)
            verdicts = [self._decide(books, ask, owner, now) for ask in asks]
        self._committed(books)
        return verdicts

    def _decide(self, books: Books, ask: Ask, owner: str, now: Instant) -> Verdict | LedgerError:
        try:
            return admit(books, self._charging, ask, owner, now)
        except (LedgerError, sqlite3.IntegrityError) as error:  # nothing of it was recorded
            return LedgerError(f"ledger {self.path}: {error}")

    def sweep(self, now: Instant) -> tuple[Entry, ...]:
        """Settle the holds of dead owners at their amounts; return what was recorded."""
        with guarded(self.path):
            if has_full_bucket(self._conn, now):
                with self._transaction() as books:
                    forget_buckets(books, now)
            return self._committed(self._owners.sweep(now))

    def enter(self, now: Instant) -> str:
        """Become an owner of holds (otherwise done on first need); return our id."""
        with guarded(self.path):
            return self._owners.enter(now)

    def heartbeat(self, now: Instant) -> None:
        """Renew the lease of our holds."""
        with guarded(self.path):
            self._owners.renew(now)

    # --- readers

    def balance(self, run: str) -> Balance:
        """Return what a run stands at. Raises ``UsageError`` with near names when unknown."""
        with guarded(self.path):
            found = Books(self._conn, self._codec).find(run_account(run))
            if found is None:
                raise unknown_run(self._conn, run)
        return found

    def account_balance(self, account: str) -> Balance:
        """Return what any account stands at, empty when nothing was booked on it."""
        with guarded(self.path):
            return Books(self._conn, self._codec).find(account) or EMPTY

    def standing(self, run: str, now: Instant) -> Standing:
        """Return one run's balance and status. Raises ``UsageError`` when unknown."""
        return self._standing(run, self.balance(run), now)

    def runs(self, now: Instant, limit: int | None = None) -> list[Standing]:
        """Return the runs, the most recently active first."""
        with guarded(self.path):
            found = list(read_runs(self._conn, self._codec))
        standings = [self._standing(run, balance, now) for run, balance in found]
        return sorted(standings, key=last_activity, reverse=True)[:limit]

    def _standing(self, run: str, balance: Balance, now: Instant) -> Standing:
        with guarded(self.path):
            status = status_of(balance, lambda owner: self._owners.alive(owner, now))
        return Standing(run=run, balance=balance, status=status)

    def entries(self, run: str) -> Iterator[tuple[int, Entry]]:
        """Yield a run's journal with each entry's ``seq``, oldest first."""
        with guarded(self.path):
            yield from read_entries(self._conn, self._codec, run)

    def run_exists(self, run: str) -> bool:
        """Tell whether the run was ever started."""
        with guarded(self.path):
            return Books(self._conn, self._codec).find(run_account(run)) is not None

    def new_run_id(self, rng: random.Random) -> str:
        """Return eight hex digits that no run has yet."""
        while self.run_exists(run := f"{rng.getrandbits(32):08x}"):
            pass
        return run

    def fsck(self) -> list[Problem]:
        """Check everything against the journal, in one read snapshot; safe while others write."""
        with guarded(self.path):
            return fsck(self._conn, self._codec)

    # --- the connection

    def misplaced(self) -> LedgerError | None:
        """Return the error to give when the file was moved, deleted or replaced under us."""
        try:
            found = self.path.stat()
        except OSError:
            found = None
        if found is not None and (found.st_dev, found.st_ino) == self._identity:
            return None
        return LedgerError(
            f"ledger {self.path}: the file was moved or deleted while leash runs; put it back, or "
            "start leash anew"
        )

    def do_not_wait(self) -> None:
        """Fail with ``LedgerBusy`` at once from now on: an event loop waits in its own way."""
        with guarded(self.path):
            self._conn.execute("PRAGMA busy_timeout=0")

    def close(self, now: Instant | None = None) -> None:
        """Close the file. Open calls of ours settle at their hold: with ``now`` at once."""
        with suppress(LedgerError), guarded(self.path):
            self._conn.execute(f"PRAGMA busy_timeout={_CLOSING_WAIT}")
            self._committed(self._owners.withdraw(now))
        with guarded(self.path):
            self._owners.leave()
            self._conn.close()

    def _transaction(self) -> Transaction:
        return Transaction(self._conn, self._codec, self.path)

    def _committed(self, books: Books | None) -> tuple[Entry, ...]:
        """Tell the listener what a transaction has recorded."""
        entries = () if books is None else tuple(books.entries)
        self._codec.note(entries)
        if entries:
            self.on_commit(entries)
        return entries


def _nobody(entries: tuple[Entry, ...]) -> None:
    """Listen to nothing."""
