"""A ledger on a real file, the processes that share it, and the calls that go through it."""

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from leash_addon.core.ask import Ask, OnBlind
from leash_addon.core.journal import Tokens
from leash_addon.core.limits import NO_LIMITS, Limits
from leash_addon.core.money import SECOND, Instant, Pico
from leash_addon.core.rates import RateCard, Rates
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.terms import NO_TERMS, Terms
from leash_addon.core.verdict import Allow, Verdict
from leash_addon.ledger import Ledger, Settlement, open_ledger, run_account
from leash_addon.ledger.owner import LEASE

START = Instant(1_700_000_000 * SECOND)

CARD = RateCard(table="test", name="model-1", rates=Rates(input=Decimal(1), output=Decimal(1)))
"""One dollar per million tokens in and out: a token is a microdollar."""


def make_ask(call: str, run: str = "r1", **fields: object) -> Ask:
    """Return an ask of a run; its hold is (input_tokens + min(usual, max_output)) microdollars."""
    known: dict[str, object] = {
        "run": run,
        "call": call,
        "accounts": (run_account(run),),
        "provider": "openai",
        "format": "openai.chat",
        "model": "model-1",
        "input_tokens": 0,
        "max_output": 0,
        "card": CARD,
        "on_blind": OnBlind.REFUSE,
    }
    return Ask(**(known | fields))  # type: ignore[arg-type]


def make_end(call: str, cost: int | None = 1_000_000, **fields: object) -> Settlement:
    """Return the end of a call that was measured at ``cost``."""
    known: dict[str, object] = {
        "call": call,
        "at": START,
        "cost": None if cost is None else Pico(cost),
        "confidence": Confidence.MEASURED if cost is not None else Confidence.UNPRICED,
        "outcome": Outcome.COMPLETE,
        "tokens": Tokens(input=2, output=3),
        "usage": {"input_tokens": 2, "output_tokens": 3},
        "status": 200,
    }
    return Settlement(**(known | fields))  # type: ignore[arg-type]


@dataclass
class World:
    """A database, ledgers open on it, and a clock that is set by hand.

    ``path``: the file, or where it would be when ``url`` names a database.
    """

    path: Path
    url: str | None = None
    now: Instant = START
    terms: Terms = NO_TERMS
    ledgers: list[Ledger] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def open(self) -> Ledger:
        """Open the database once more, as another process would."""
        ledger = open_ledger(self.url or self.path, wait=0.0, terms=self.terms)
        self.ledgers.append(ledger)
        return ledger

    def start(self, limits: Limits = NO_LIMITS, run: str = "r1") -> Ledger:
        """Open the database and start a run."""
        ledger = self.open()
        ledger.start_run(run, limits, program="agent", prices="test", now=self.now)
        return ledger

    def call(self, ledger: Ledger, **fields: object) -> tuple[str, Verdict]:
        """Ask for one call; return its id and the verdict."""
        name = f"c{next(self.numbers)}"
        return name, ledger.admit(make_ask(name, **fields), self.now)  # type: ignore[arg-type]

    def admitted(self, ledger: Ledger, **fields: object) -> str:
        """Ask for one call that must be admitted; return its id."""
        name, verdict = self.call(ledger, **fields)
        assert isinstance(verdict, Allow)
        return name

    def crash(self, ledger: Ledger) -> None:
        """Leave a ledger as a killed process does: lock gone, everything else left behind."""
        ledger._owners.leave()
        ledger.close()
        self.ledgers.remove(ledger)

    def gone(self) -> Instant:
        """Return the moment from which on a crashed process is known to be dead."""
        return self.now if self.url is None else Instant(self.now + LEASE)

    def sql(self, statements: str) -> list[tuple[Any, ...]]:
        """Do something behind the ledger's back; return the rows of the last statement."""
        if self.url is None:
            with closing(sqlite3.connect(self.path, isolation_level=None)) as conn:
                *rest, last = statements.split(";")
                for statement in rest:
                    conn.execute(statement)
                return conn.execute(last).fetchall()
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute("SET search_path TO leash")
            found = conn.execute(statements.encode())
            return found.fetchall() if found.description else []

    def close(self) -> None:
        """Close whatever is open."""
        for ledger in self.ledgers:
            ledger.close(self.now)
