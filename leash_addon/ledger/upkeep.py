"""What is done to a ledger as a whole, by hand: repair, prune, copy, read from end to end."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from leash_addon.core.journal import Entry
from leash_addon.core.money import Instant
from leash_addon.ledger.backup import backup
from leash_addon.ledger.books import Codec
from leash_addon.ledger.faults import guarded
from leash_addon.ledger.fsck import Problem
from leash_addon.ledger.pruning import fold_before, prune
from leash_addon.ledger.repair import repair
from leash_addon.ledger.standing import read_entries
from leash_addon.ledger.transaction import Transaction


class Upkeep:
    """The upkeep of one ledger, on its connection. Safe while others write to it."""

    def __init__(
        self,
        conn: sqlite3.Connection,
        codec: Codec,
        path: Path,
        begin: Callable[[], Transaction],
    ) -> None:
        """Take what a ledger stands on."""
        self._conn, self._codec, self._path, self._begin = conn, codec, path, begin

    def repair(self) -> list[Problem]:
        """Rebuild balances and holds from the journal; return what was wrong.

        Raises ``LedgerError`` when the journal itself is damaged.
        """
        with self._begin() as books:
            return repair(books)

    def prune(self, before: Instant) -> int:
        """Fold the entries older than ``before`` into checkpoints; return how many went."""
        with guarded(self._path):
            folded = fold_before(self._conn, self._codec, before)
        if folded is None:
            return 0
        with self._begin() as books:
            return prune(books, folded)

    def backup(self, file: Path) -> int:
        """Copy the ledger into a new file; return its bytes. ``UsageError`` where one is."""
        with guarded(self._path):
            return backup(self._conn, file)

    def history(self) -> Iterator[Entry]:
        """Yield every entry of every run that was not pruned, in order."""
        with guarded(self._path):
            for _, entry in read_entries(self._conn, self._codec):
                yield entry
