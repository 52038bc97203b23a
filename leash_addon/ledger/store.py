"""What the bookkeeping asks of a database: rows of one transaction, by name.

The bookkeeping (``books``, ``admission``, ``settling``, ``runs``) knows no SQL. SQLite answers each
question when it is asked. PostgreSQL is across a network: it reads everything that a
``Footprint`` names in one round trip, which also takes the locks, and writes everything in
another.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from leash_addon.core.money import Instant
from leash_addon.errors import LedgerError
from leash_addon.ledger.settlement import Settlement


class Footprint(Struct, frozen=True, kw_only=True):
    """Everything that a transaction may touch.

    ``accounts``: keys of balances; ``fresh``: those among them that may have to be made.
    ``buckets``: keys of token buckets. ``opens``: ids of calls that ask to go. ``ends``: calls that
    ended. ``owners``: whose holds are swept.
    """

    accounts: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    opens: tuple[str, ...] = ()
    ends: tuple[Settlement, ...] = ()
    owners: tuple[str, ...] = ()


NOTHING = Footprint()


class Row(NamedTuple):
    """An entry as it is stored; ``owner``: whose hold the opened call becomes."""

    at: Instant
    run: str
    call: str | None
    kind: str
    body: str
    owner: str | None = None


class Claim(NamedTuple):
    """An owner as it is stored: a process, and how long it is taken to live."""

    id: str
    machine: str
    host: str
    pid: int
    started_at: Instant
    lease_until: Instant


class CallTwice(LedgerError):  # noqa: N818 - what has happened
    """A call asks, or ends, under an id that has such an entry already."""


class Store(Protocol):
    """The rows that one open transaction sees and changes."""

    def balance(self, account: str) -> str | None:
        """Return the JSON of a balance."""

    def bucket(self, key: str) -> Instant | None:
        """Return the moment of a bucket."""

    def fill(self, key: str, at: Instant) -> None:
        """Replace the moment of a bucket."""

    def forget_buckets(self, now: Instant) -> None:
        """Remove the buckets that are full again."""

    def write_balance(self, account: str, state: str, entries: int) -> None:
        """Replace a balance, after so many more entries were folded into it."""

    def append(self, row: Row) -> None:
        """Journal an entry; one with an owner gets its hold. Raises ``CallTwice``."""

    def newest(self, run: str) -> str | None:
        """Return the JSON of a run's newest entry."""

    def opened(self, call: str) -> str | None:
        """Return the JSON of a call's ``call_opened``, open or ended."""

    def let_go(self, call: str) -> bool:
        """Take a call's hold away; ``False`` when there is none."""

    def settled(self, call: str) -> str | None:
        """Return the JSON of a call's ``call_settled``."""

    def adjusted(self, call: str) -> bool:
        """Tell whether a call was adjusted."""

    def pay(self, response: str, call: str) -> bool:
        """Put a stored answer on a call's bill; ``False`` when another call has paid it."""

    def holds_of(self, owner: str) -> Iterable[str]:
        """Return the JSON of the ``call_opened`` of an owner's open calls, in journal order."""

    def claim(self, claim: Claim) -> None:
        """Write an owner's lease, or renew it."""

    def forget(self, owner: str) -> None:
        """Remove an owner."""


type Rows = list[tuple[Any, ...]]


class Snapshot(Protocol):
    """One moment of a whole database, for ``fsck``. ``gapless``: its ``seq`` skip no number."""

    gapless: bool

    def damage(self) -> Iterable[str]:
        """Return what the database itself finds wrong with its storage."""

    def checkpoints(self) -> Iterable[tuple[str, int, str, int]]:
        """Yield ``account, seq, state, entries`` of what was pruned."""

    def journal(self) -> Iterable[tuple[Any, ...]]:
        """Yield ``seq, at, run, call, kind, body``, by ``seq``."""

    def balances(self) -> Iterable[tuple[str, str, int | None]]:
        """Yield ``account, state, entries``; ``None`` where entries are not counted."""

    def holds(self) -> Iterable[tuple[str, int]]:
        """Yield ``call, seq``."""


class Whole(Snapshot, Protocol):
    """A whole database in a transaction that nobody else writes beside, for its upkeep."""

    def query(self, sql: str, parameters: tuple[object, ...] = ()) -> Rows:
        """Return all rows; placeholders are question marks."""

    def execute(self, sql: str, parameters: tuple[object, ...] = ()) -> None:
        """Change something."""

    def write_balance(self, account: str, state: str, entries: int) -> None:
        """Write a balance that is not there."""

    def write_checkpoint(self, account: str, seq: int, state: str, entries: int) -> None:
        """Write or replace a checkpoint."""

    def delete_entries(self, last: int, kept: list[int]) -> int:
        """Delete the entries up to ``last`` but for those; return how many went."""


class Query(Protocol):
    """Reads rows outside a transaction; placeholders are question marks."""

    def __call__(self, sql: str, parameters: tuple[object, ...] = ()) -> Rows:
        """Return all rows."""
