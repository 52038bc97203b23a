"""What a ledger needs of a database, whichever it is."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from leash_addon.core.database_url import DatabaseUrl
from leash_addon.errors import LedgerError
from leash_addon.ledger.books import Books, Codec
from leash_addon.ledger.owner import Presence
from leash_addon.ledger.store import NOTHING, Footprint, Rows, Snapshot, Whole


class Background(Protocol):
    """Work that goes on beside the ledger while a process governs."""

    def start(self) -> None:
        """Begin."""

    def ask(self) -> None:
        """Note that something was committed; never blocks."""

    def stop(self) -> None:
        """End; may block a little."""


class Database(Protocol):
    """Where the rows are.

    ``name``: for messages, without a password. ``inline``: a transaction takes less time than a
    hop to a thread, so that an event loop may run it itself. ``codec``: of its entries and
    balances. ``presence``: how owners see one another live.
    """

    inline: bool
    codec: Codec

    @property
    def name(self) -> Path | DatabaseUrl:
        """Say where it is."""

    @property
    def presence(self) -> Presence:
        """Say how owners see one another."""

    def transaction(self, footprint: Footprint = NOTHING) -> AbstractContextManager[Books]:
        """Commit when the block ends well; lock what the footprint names, if rows are locked."""

    def query(self, sql: str, parameters: tuple[object, ...] = ()) -> Rows:
        """Read rows outside a transaction; placeholders are question marks."""

    def alone(self) -> AbstractContextManager[Whole]:
        """See and change everything, in a transaction that nobody else writes beside."""

    def backup(self, file: Path) -> int:
        """Copy it into a new file; return its bytes. ``UsageError`` where that cannot be."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """See one moment of everything."""

    def guarded(self) -> AbstractContextManager[None]:
        """Turn every error of the database into the ledger's own."""

    def background(self) -> Background:
        """Return the work of a process that governs, not yet started."""

    def sync(self) -> None:
        """Wait until everything committed is on the disk."""

    def misplaced(self) -> LedgerError | None:
        """Return the error to give when the database is no longer the one that was opened."""

    def do_not_wait(self) -> None:
        """Fail with ``LedgerBusy`` at once from now on, where a lock would be waited for."""

    def wait_a_little(self) -> None:
        """Wait for a lock for a moment: the last transaction before the end."""

    def close(self) -> None:
        """Let go of it."""
