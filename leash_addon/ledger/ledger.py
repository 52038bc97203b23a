"""The ledger: one database that any number of processes account in.

Every change is one transaction under the locks of what it touches: balances are read, the pure
core decides, entries are appended, and the same fold that proves the balances updates them. The
cost of a call does not depend on the journal's length.

A ``Ledger`` is used by one thread at a time. On a SQLite file it blocks for at most ``wait``
seconds (see ``open_ledger``), not at all once a ``LedgerWriter`` has it.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Self

from leash_addon.core.ask import Ask
from leash_addon.core.balance import EMPTY, Balance
from leash_addon.core.database_url import DatabaseUrl
from leash_addon.core.journal import CapRaised, Entry, RunFinished, RunStarted
from leash_addon.core.limits import Ceiling, Limits
from leash_addon.core.money import Instant
from leash_addon.core.terms import Terms
from leash_addon.core.verdict import Verdict
from leash_addon.errors import LedgerError
from leash_addon.ledger import runs
from leash_addon.ledger.admission import admit, screened
from leash_addon.ledger.books import Books, run_account
from leash_addon.ledger.charging import Charging, has_full_bucket
from leash_addon.ledger.database import Database
from leash_addon.ledger.fsck import Problem, fsck
from leash_addon.ledger.owners import Owners
from leash_addon.ledger.reports import Reports
from leash_addon.ledger.seen import Seen
from leash_addon.ledger.settlement import Settlement
from leash_addon.ledger.settling import settle
from leash_addon.ledger.standing import (
    Standing,
    last_activity,
    read_runs,
    status_of,
    unknown_run,
)
from leash_addon.ledger.store import NOTHING, Footprint
from leash_addon.ledger.upkeep import Upkeep


class Ledger(Reports):
    """The accounts of one database. Made by ``open_ledger``; closed by ``close`` or ``with``.

    Every method raises ``LedgerBusy`` while another process holds a lock, and ``LedgerError`` when
    the database cannot be read or written. ``path``: the file, or the URL without its password.
    ``on_commit`` is called with the new entries after each transaction that had some.
    """

    def __init__(self, database: Database, terms: Terms) -> None:
        """Take over an open database; the schema is there."""
        self.path: Path | DatabaseUrl = database.name
        self.on_commit: Callable[[tuple[Entry, ...]], None] = lambda _: None
        self.database = database
        self._codec = database.codec
        self.charging = Charging(terms)
        self._owners = Owners(database)
        self._seen = Seen()
        self.upkeep = Upkeep(database)

    def __enter__(self) -> Self:
        """Return itself: ``with open_ledger(path) as ledger``."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the database."""
        self.close()

    # --- runs

    def start_run(
        self,
        run: str,
        limits: Limits | None,
        *,
        program: str = "",
        prices: str = "",
        keeps_raised: bool = False,
        now: Instant,
    ) -> Balance:
        """Govern a run from now on, new or continued; with ``limits`` None it keeps its own.

        ``keeps_raised``: limits that are higher on record stay.

        Raises ``UsageError`` for a stopped run whose recorded limits differ from those given.
        """
        owner = self.enter(now)
        entry = RunStarted(run=run, at=now, owner=owner, program=program, prices=prices)
        return self._change(
            run,
            lambda books: runs.start(books, entry, limits, keeps_raised=keeps_raised),
            new=True,
        )

    def finish_run(
        self, run: str, exit_code: int, now: Instant, *, coverage: dict[str, int] | None = None
    ) -> Balance:
        """Record that the run's command ended. Raises ``UsageError`` for an unknown run."""
        owner = self.enter(now)
        self.balance(run)
        entry = RunFinished(
            run=run, at=now, owner=owner, exit_code=exit_code, coverage=coverage or {}
        )
        return self._change(run, lambda books: books.record(entry))

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
        with self.database.transaction(Footprint(accounts=(account,), fresh=(account,))) as books:
            books.record(CapRaised(run="", at=now, account=account, ceiling=ceiling, by=by))
        self._committed(books)
        return books.find(account) or EMPTY

    def _change(self, run: str, change: Callable[[Books], None], *, new: bool = False) -> Balance:
        account = (run_account(run),)
        footprint = Footprint(accounts=account, fresh=account if new else ())
        with self.database.transaction(footprint) as books:
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

    def note(self, ask: Ask, now: Instant) -> None:
        """Record what screening found in words that ask for no call."""
        self._change(ask.run, lambda books: books.record(screened(ask, now)))

    def settle(self, settlements: Sequence[Settlement]) -> tuple[Entry, ...]:
        """Book the ends of some calls in one transaction; return what was newly recorded."""
        with self.database.transaction(Footprint(ends=tuple(settlements))) as books:
            for end in settlements:
                settle(books, self.charging, end)
        return self._committed(books)

    def book(
        self, ends: Sequence[Settlement], asks: Sequence[Ask], now: Instant
    ) -> list[Verdict | LedgerError]:
        """Settle some calls and then decide others, all in one transaction.

        An ask that cannot be decided (its run was never started) has its error in its place;
        the others go on.
        """
        owner = self._owners.me.id if self._owners.me is not None else self.enter(now)
        footprint = NOTHING if self.inline else self.charging.footprint(ends, asks, now)
        with self.database.transaction(footprint) as books:
            for end in ends:
                settle(books, self.charging, end)
            verdicts = [self._decide(books, ask, owner, now) for ask in asks]
        self._committed(books, *(ask.run for ask in asks))
        return verdicts

    def _decide(self, books: Books, ask: Ask, owner: str, now: Instant) -> Verdict | LedgerError:
        try:
            return admit(books, self.charging, ask, owner, now)
        except LedgerError as error:  # nothing of it was recorded
            return LedgerError(f"ledger {self.path}: {error}")

    def sweep(self, now: Instant) -> tuple[Entry, ...]:
        """Settle the holds of dead owners at their amounts; return what was recorded."""
        with self.database.guarded():
            if has_full_bucket(self.database.query, now):
                with self.database.transaction() as books:
                    books.store.forget_buckets(now)
            return self._committed(self._owners.sweep(now))

    def enter(self, now: Instant) -> str:
        """Become an owner of holds (otherwise done on first need); return our id."""
        with self.database.guarded():
            return self._owners.enter(now)

    def heartbeat(self, now: Instant) -> None:
        """Renew the lease of our holds."""
        with self.database.guarded():
            self._owners.renew(now)

    # --- readers

    def balance(self, run: str) -> Balance:
        """Return what a run stands at. Raises ``UsageError`` with near names when unknown."""
        with self.database.guarded():
            found = self._read(run_account(run))
            if found is None:
                raise unknown_run(self.database.query, run)
        return found

    def last_seen(self, run: str) -> Balance:
        """Return what a run stood at when this process last dealt with it, without I/O.

        Where a read takes no time it is read. Raises ``LedgerError`` where this process has not
        dealt with it, or not for long.
        """
        return self.balance(run) if self.inline else self._seen.find(run)

    def account_balance(self, account: str) -> Balance:
        """Return what any account stands at, empty when nothing was booked on it."""
        with self.database.guarded():
            return self._read(account) or EMPTY

    def standing(self, run: str, now: Instant) -> Standing:
        """Return one run's balance and status. Raises ``UsageError`` when unknown."""
        return self._standing(run, self.balance(run), now)

    def runs(self, now: Instant, limit: int | None = None) -> list[Standing]:
        """Return the runs, the most recently active first."""
        with self.database.guarded():
            found = list(read_runs(self.database.query, self._codec))
            lives = cache(lambda owner: self._owners.alive(owner, now))  # many runs have few owners
            standings = [
                Standing(run=run, balance=balance, status=status_of(balance, lives))
                for run, balance in found
            ]
        return sorted(standings, key=last_activity, reverse=True)[:limit]

    def _standing(self, run: str, balance: Balance, now: Instant) -> Standing:
        with self.database.guarded():
            status = status_of(balance, lambda owner: self._owners.alive(owner, now))
        return Standing(run=run, balance=balance, status=status)

    def run_exists(self, run: str) -> bool:
        """Tell whether the run was ever started."""
        with self.database.guarded():
            return self._read(run_account(run)) is not None

    def new_run_id(self, rng: random.Random) -> str:
        """Return eight hex digits that no run has yet."""
        while self.run_exists(run := f"{rng.getrandbits(32):08x}"):
            pass
        return run

    def fsck(self) -> list[Problem]:
        """Check everything against the journal, in one read snapshot; safe while others write."""
        with self.database.guarded(), self.database.snapshot() as found:
            return fsck(found, self._codec)

    # --- the database

    @property
    def inline(self) -> bool:
        """Tell whether an event loop may run a transaction itself."""
        return self.database.inline

    def misplaced(self) -> LedgerError | None:
        """Return the error to give when the database is no longer the one that was opened."""
        return self.database.misplaced()

    def do_not_wait(self) -> None:
        """Fail with ``LedgerBusy`` at once from now on: an event loop waits in its own way."""
        with self.database.guarded():
            self.database.do_not_wait()

    def close(self, now: Instant | None = None) -> None:
        """Close the database. Our open calls settle at their hold: with ``now`` at once."""
        with suppress(LedgerError), self.database.guarded():
            self.database.wait_a_little()
            self._committed(self._owners.withdraw(now))
        with self.database.guarded():
            self._owners.leave()
            self.database.close()

    def _read(self, account: str) -> Balance | None:
        rows = self.database.query("SELECT state FROM balances WHERE account = ?", (account,))
        return self._codec.state(account, rows[0][0]) if rows else None

    def _committed(self, books: Books | None, *runs: str) -> tuple[Entry, ...]:
        """Tell the listener what a transaction has recorded."""
        entries = () if books is None else tuple(books.entries)
        if books is not None and not self.inline:
            self._seen.note(books, {*runs, *(entry.run for entry in entries)})
        self._codec.note(entries)
        if entries:
            self.on_commit(entries)
        return entries
