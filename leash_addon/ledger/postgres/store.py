"""The rows of a PostgreSQL transaction: read in one round trip, written in another.

The first round trip locks, and so decides who goes first. Everybody locks in one order (new
balances, balances, new buckets, buckets, answers; each by key), so nobody waits in a circle.
Whatever happens to a call happens under the lock of its run's balance: what is read after that
lock in the same round trip stays true until the commit. The bookkeeping then asks and changes what
was read, in memory, and the second round trip writes it all and commits.

A row is locked before it is there by inserting it empty; one that stays so is deleted again.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from leash_addon.core.money import Instant
from leash_addon.errors import LedgerError
from leash_addon.ledger.store import CallTwice, Claim, Row


@dataclass(slots=True, kw_only=True)
class Opened:
    """How a call was opened that is to end; ``owner``: who holds it, where that was looked for."""

    body: str
    owner: str = ""


@dataclass(slots=True, kw_only=True)
class Read:
    """What was found in the first round trip, and before it (``opened``, which never changes).

    ``accounts``: what was asked for. ``balances``: JSON by locked account, empty where the row was
    just made. ``buckets``: moments by locked bucket, ``None`` where just made. ``kinds``: of the
    entries of each call. ``settled``: JSON of ``call_settled`` by call. ``held``: calls with a
    hold. ``newest``: JSON of the newest entry by run. ``paid``: answers that this transaction has
    put on a bill, with the call that pays.
    """

    accounts: frozenset[str] = frozenset()
    opened: Mapping[str, Opened] = field(default_factory=dict)
    balances: dict[str, str] = field(default_factory=dict)
    buckets: dict[str, Instant | None] = field(default_factory=dict)
    kinds: dict[str, set[str]] = field(default_factory=dict)
    settled: dict[str, str] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    newest: dict[str, str] = field(default_factory=dict)
    paid: set[tuple[str, str]] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class Written:
    """What the second round trip is to write."""

    rows: list[Row] = field(default_factory=list)
    balances: dict[str, tuple[str, int]] = field(default_factory=dict)
    buckets: dict[str, Instant] = field(default_factory=dict)
    let_go: list[str] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    full_before: Instant | None = None


class PostgresStore:
    """A ``Store`` over what was read, that remembers what is to be written."""

    def __init__(self, read: Read) -> None:
        """Begin with nothing changed."""
        self.read = read
        self.written = Written()

    def balance(self, account: str) -> str | None:
        """Return a locked balance; nothing is judged by one that was not locked."""
        if account not in self.read.accounts:
            msg = f"account {account} was not locked"
            raise LedgerError(msg)
        return self.read.balances.get(account) or None

    def bucket(self, key: str) -> Instant | None:
        """Return the moment of a locked bucket."""
        return self.read.buckets.get(key)

    def fill(self, key: str, at: Instant) -> None:
        """Set the moment of a locked bucket."""
        self.written.buckets[key] = at

    def forget_buckets(self, now: Instant) -> None:
        """Remove the buckets that are full again."""
        self.written.full_before = now

    def write_balance(self, account: str, state: str, entries: int) -> None:
        """Replace a balance."""
        self.written.balances[account] = (state, entries)

    def append(self, row: Row) -> None:
        """Journal an entry, and its hold where it has an owner."""
        if row.call is not None:
            kinds = self.read.kinds.setdefault(row.call, set())
            if row.kind in kinds:
                msg = f"call {row.call} has its {row.kind} already"
                raise CallTwice(msg)
            kinds.add(row.kind)
            if row.kind == "call_settled":
                self.read.settled[row.call] = row.body
        self.read.newest[row.run] = row.body
        self.written.rows.append(row)

    def newest(self, run: str) -> str | None:
        """Return a run's newest entry."""
        return self.read.newest.get(run)

    def opened(self, call: str) -> str | None:
        """Return how a call was opened that is to end."""
        found = self.read.opened.get(call)
        return None if found is None else found.body

    def let_go(self, call: str) -> bool:
        """Take a hold away."""
        if call not in self.read.held:
            return False
        self.read.held.remove(call)
        self.written.let_go.append(call)
        return True

    def settled(self, call: str) -> str | None:
        """Return how a call was settled."""
        return self.read.settled.get(call)

    def adjusted(self, call: str) -> bool:
        """Look for an adjusting entry."""
        return "call_adjusted" in self.read.kinds.get(call, ())

    def pay(self, response: str, call: str) -> bool:
        """Tell whether this call's bill has the answer."""
        return (response, call) in self.read.paid

    def holds_of(self, owner: str) -> Iterable[str]:
        """Return the open calls of an owner that is swept."""
        return [
            opened.body
            for call, opened in self.read.opened.items()
            if opened.owner == owner and call in self.read.held
        ]

    def claim(self, claim: Claim) -> None:
        """Write or renew a lease."""
        self.written.claims.append(claim)

    def forget(self, owner: str) -> None:
        """Remove an owner."""
        self.written.forgotten.append(owner)
