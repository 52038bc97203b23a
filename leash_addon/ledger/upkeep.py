"""What is done to a ledger as a whole, by hand: repair, prune, copy, read from end to end."""

from collections.abc import Iterator
from pathlib import Path

from leash_addon.core.journal import Entry
from leash_addon.core.money import Instant
from leash_addon.ledger.database import Database
from leash_addon.ledger.fsck import Problem
from leash_addon.ledger.owners import Owners
from leash_addon.ledger.pruning import SLICE, fold_up_to, prefix, prune
from leash_addon.ledger.repair import repair
from leash_addon.ledger.standing import read_entries


class Upkeep:
    """The upkeep of one ledger. Safe while others write to it."""

    def __init__(self, database: Database) -> None:
        """Take what a ledger stands on."""
        self._database = database

    def repair(self) -> list[Problem]:
        """Rebuild balances and holds from the journal; return what was wrong.

        Raises ``LedgerError`` when the journal itself is damaged.
        """
        with self._database.guarded(), self._database.alone() as whole:
            return repair(whole, self._database.codec)

    def prune(self, before: Instant, *, size: int = SLICE) -> int:
        """Fold the entries older than ``before`` into checkpoints; return how many went.

        ``size``: of the slices, after each of which others may write.
        """
        gone = 0
        with self._database.guarded():
            while (found := self._prune_slice(before, size)) is not None:
                gone += found
        return gone

    def _prune_slice(self, before: Instant, size: int) -> int | None:
        codec = self._database.codec
        with self._database.alone() as whole:
            last = prefix(whole, before, size)
        if last is None:
            return None
        with self._database.snapshot() as found:
            folded = fold_up_to(found, codec, last)
        with self._database.alone() as whole:
            return prune(whole, codec, folded)

    def backup(self, file: Path) -> int:
        """Copy the ledger into a new file; return its bytes. ``UsageError`` where one is."""
        with self._database.guarded():
            return self._database.backup(file)

    def orphans(self, now: Instant) -> int:
        """Count the open calls whose process is dead: whoever governs next settles them."""
        with self._database.guarded():
            return Owners(self._database).orphans(now)

    def was_pruned(self) -> bool:
        """Tell whether ``history`` begins later than the ledger did."""
        with self._database.guarded():
            return bool(self._database.query("SELECT 1 FROM checkpoints LIMIT 1"))

    def history(self) -> Iterator[Entry]:
        """Yield every entry of every run that was not pruned, in order."""
        with self._database.guarded():
            for _, entry in read_entries(self._database.query, self._database.codec):
                yield entry
