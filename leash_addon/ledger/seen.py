"""What runs stood at when this process last dealt with them: known without asking a network."""

from leash_addon.core.balance import Balance
from leash_addon.errors import LedgerError
from leash_addon.ledger.books import REMEMBERED, Books, run_account


class Seen:
    """The last balance of each run; the oldest are forgotten, all at once."""

    __slots__ = ("_balances",)

    def __init__(self) -> None:
        """Begin with none."""
        self._balances: dict[str, Balance] = {}

    def note(self, books: Books, runs: set[str]) -> None:
        """Look at what a transaction has left; entries of caps have no run."""
        if len(self._balances) > REMEMBERED:
            self._balances.clear()
        for run in runs - {""}:
            balance = books.find(run_account(run))
            if balance is not None:
                self._balances[run] = balance

    def find(self, run: str) -> Balance:
        """Return what a run stood at. Raises ``LedgerError`` for one that is not remembered."""
        try:
            return self._balances[run]
        except KeyError:
            msg = f"what run {run} stands at is not at hand"
            raise LedgerError(msg) from None
