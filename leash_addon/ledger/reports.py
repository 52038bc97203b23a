"""What is read back from a ledger and changes nothing."""

from collections.abc import Iterator

from leash_addon.core.balance import Balance
from leash_addon.core.journal import CallOpened, Entry, Screened
from leash_addon.ledger.books import Codec
from leash_addon.ledger.database import Database
from leash_addon.ledger.standing import read_caps, read_entries, read_open, read_screened


class Reports:
    """The reading half of a ledger; raises what the ledger raises."""

    database: Database
    _codec: Codec

    def cap_balances(self) -> Iterator[tuple[str, Balance]]:
        """Yield every account of a cap with its balance, in key order."""
        with self.database.guarded():
            yield from read_caps(self.database.query, self._codec)

    def entries(self, run: str) -> Iterator[tuple[int, Entry]]:
        """Yield a run's journal with each entry's ``seq``, oldest first."""
        with self.database.guarded():
            yield from read_entries(self.database.query, self._codec, run)

    def entries_after(self, seq: int) -> Iterator[tuple[int, Entry]]:
        """Yield what came into the journal after an entry, oldest first."""
        with self.database.guarded():
            yield from read_entries(self.database.query, self._codec, after=seq)

    def last_seq(self) -> int:
        """Return the ``seq`` of the newest entry, 0 when there is none."""
        with self.database.guarded():
            return int(self.database.query("SELECT coalesce(max(seq), 0) FROM journal")[0][0])

    def findings(self, run: str | None = None) -> Iterator[Screened]:
        """Yield what screening found and was not pruned, in one run or in all, oldest first."""
        with self.database.guarded():
            yield from read_screened(self.database.query, self._codec, run)

    def open_calls(self) -> list[CallOpened]:
        """Return the calls that are in flight, oldest first."""
        with self.database.guarded():
            return list(read_open(self.database.query, self._codec))
