"""What the governor stands on, seen from its side."""

from typing import Protocol

from leash_addon.core.ask import Ask
from leash_addon.core.balance import Balance
from leash_addon.core.limits import Limits
from leash_addon.core.money import Instant
from leash_addon.core.pricing import RateCard
from leash_addon.core.verdict import Verdict
from leash_addon.ledger import Settlement


class Ledger(Protocol):
    """What the governor needs of the ledger's asynchronous edge."""

    async def start_run(
        self,
        run: str,
        limits: Limits | None,
        *,
        program: str = "",
        prices: str = "",
        keeps_raised: bool = False,
    ) -> Balance:
        """Record that this process governs the run."""

    async def finish_run(self, run: str, exit_code: int) -> Balance:
        """Record that this process governs the run no more."""

    async def admit(self, ask: Ask) -> Verdict:
        """Decide and record in one transaction; raises ``LedgerError``."""

    async def note(self, ask: Ask) -> None:
        """Record what was found in words that ask for no call; raises ``LedgerError``."""

    def settle(self, settlement: Settlement) -> None:
        """Queue the end of a call; never blocks and never raises."""

    async def look(self, run: str) -> Balance:
        """Read what a run stands at now; raises ``LedgerError``, ``UsageError`` when unknown."""

    def balance(self, run: str) -> Balance:
        """Read what a run stands at."""


class PriceList(Protocol):
    """Where rate cards come from."""

    def find(
        self,
        provider: str,
        model: str | None,
        *,
        at: Instant,
        tier: str | None = None,
        requested: str | None = None,
    ) -> RateCard | None:
        """Return the card that holds at ``at``; ``None`` when nobody prices the model."""
