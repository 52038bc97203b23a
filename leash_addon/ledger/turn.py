"""One turn at the ledger: who waits for a verdict, and what goes into one transaction."""

import asyncio

from leash_addon.core.ask import Ask
from leash_addon.core.money import Instant
from leash_addon.core.verdict import Verdict
from leash_addon.errors import LedgerError
from leash_addon.ledger.ledger import Ledger
from leash_addon.ledger.settlement import Settlement


class Waiting:
    """An admission that waits for its verdict."""

    __slots__ = ("ask", "until", "verdict")

    def __init__(self, ask: Ask, loop: asyncio.AbstractEventLoop, patience: float) -> None:
        """Begin; a held lock is waited for no longer than ``patience`` seconds."""
        self.ask = ask
        self.verdict: asyncio.Future[Verdict] = loop.create_future()
        self.until = loop.time() + patience


class Turn:
    """What goes into one transaction, and what came of it."""

    __slots__ = ("asks", "ends", "error", "verdicts")

    def __init__(self, ends: list[Settlement], asks: list[Waiting]) -> None:
        """Take what is due."""
        self.ends = ends
        self.asks = asks
        self.verdicts: list[Verdict | LedgerError] = []
        self.error: Exception | None = None

    def book(self, ledger: Ledger, asks: list[Ask], now: Instant) -> None:
        """Do it; ``error`` has what failed."""
        try:
            self.verdicts = ledger.book(self.ends, asks, now)
        except Exception as error:  # noqa: BLE001 - an admission must get an answer
            self.error = error
