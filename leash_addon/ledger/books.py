"""One transaction's view of the accounts: read once, folded entry by entry, written once.

``Codec`` turns entries and balances into JSON and back; one is made per ledger, since making a
decoder costs more than a call does.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from leash_addon.core.balance import EMPTY, Balance, fold
from leash_addon.core.journal import (
    CallAdjusted,
    CallOpened,
    CallSettled,
    CapRaised,
    Entry,
    Warned,
)
from leash_addon.core.money import Instant
from leash_addon.ledger.store import Row, Store


def run_account(run: str) -> str:
    """Return the key of a run's own account."""
    return f"run:{run}"


def accounts_of(entry: Entry) -> tuple[str, ...]:
    """Return the keys of every account that an entry is folded into."""
    match entry:
        case CallOpened(accounts=accounts) | CallSettled(accounts=accounts):
            return accounts
        case CallAdjusted(accounts=accounts):
            return accounts
        case CapRaised(account=account):
            return (account,)
        case Warned(account=account) if account:
            return (account,)
        case _:
            return (run_account(entry.run),)


REMEMBERED = 1_000
"""Balances that are kept decoded; a process deals with few accounts at a time."""


class Codec:
    """JSON of entries and balances, and what this process wrote last.

    Nothing remembered is trusted: a balance only where its text is still the one in the database,
    an open call (``opened``, by id) only where its hold is still there.
    """

    __slots__ = ("_encode", "_last", "balance", "entry", "opened")

    def __init__(self) -> None:
        """Make the encoder and the decoders."""
        self.opened: dict[str, CallOpened] = {}
        self._last: dict[str, tuple[str, Balance]] = {}
        self._encode = msgspec.json.Encoder().encode
        self.balance = msgspec.json.Decoder(Balance).decode
        self.entry = msgspec.json.Decoder[Entry](Entry).decode

    def text(self, value: Entry | Balance) -> str:
        """Write an entry or a balance as JSON."""
        return self._encode(value).decode()

    def note(self, entries: tuple[Entry, ...]) -> None:
        """Remember the calls that these committed entries have opened, forget those they ended."""
        for entry in entries:
            match entry:
                case CallOpened(call=call):
                    self.opened[call] = entry
                case CallSettled(call=call) | CallAdjusted(call=call):
                    self.opened.pop(call, None)
                case _:
                    pass

    def state(self, account: str, text: str) -> Balance:
        """Read an account's balance."""
        last = self._last.get(account)
        return last[1] if last is not None and last[0] == text else self.balance(text)

    def state_text(self, account: str, state: Balance) -> str:
        """Write an account's balance."""
        text = self.text(state)
        if len(self._last) >= REMEMBERED:
            self._last.clear()
        self._last[account] = (text, state)
        return text


NOTHING_KNOWN: Mapping[str, Balance] = MappingProxyType({})


class Books:
    """The accounts as one open transaction sees and changes them."""

    __slots__ = ("_buckets", "_changed", "_filled", "_known", "codec", "entries", "states", "store")

    def __init__(
        self, store: Store, codec: Codec, known: Mapping[str, Balance] = NOTHING_KNOWN
    ) -> None:
        """Begin with nothing changed. ``known``: balances that need not be read."""
        self.store = store
        self.codec = codec
        self.states: dict[str, Balance | None] = {}
        self._known = known
        self._changed: dict[str, int] = {}
        self._buckets: dict[str, Instant | None] = {}
        self._filled: set[str] = set()
        self.entries: list[Entry] = []

    def find(self, account: str) -> Balance | None:
        """Return what an account stands at, ``None`` when nothing was ever booked on it."""
        try:
            return self.states[account]
        except KeyError:
            state = self._known.get(account)
            if state is None:
                text = self.store.balance(account)
                state = None if text is None else self.codec.state(account, text)
            self.states[account] = state
            return state

    def bucket(self, key: str) -> Instant | None:
        """Return the moment of a rate limit's bucket, ``None`` when it is full."""
        if key not in self._buckets:
            self._buckets[key] = self.store.bucket(key)
        return self._buckets[key]

    def fill(self, key: str, at: Instant) -> None:
        """Set the moment of a bucket."""
        self._buckets[key] = at
        self._filled.add(key)

    def opened(self, call: str) -> CallOpened | None:
        """Return how a call was opened: from memory where this process opened it."""
        known = self.codec.opened.get(call)
        if known is not None:
            return known
        body = self.store.opened(call)
        entry = None if body is None else self.codec.entry(body)
        return entry if isinstance(entry, CallOpened) else None

    def record(self, entry: Entry, owner: str | None = None) -> None:
        """Journal an entry and fold it into its accounts; an ``owner`` gets the call's hold.

        Raises ``CallTwice``, and then nothing of it is recorded.
        """
        self.store.append(
            Row(
                entry.at,
                entry.run,
                getattr(entry, "call", None),
                str(entry.__struct_config__.tag),
                self.codec.text(entry),
                owner,
            )
        )
        states, changed = self.states, self._changed
        for account in accounts_of(entry):
            states[account] = fold(states.get(account) or self.find(account) or EMPTY, entry)
            changed[account] = changed.get(account, 0) + 1
        self.entries.append(entry)

    def write(self) -> None:
        """Write what changed, in key order; the transaction commits it."""
        for account, entries in sorted(self._changed.items()):
            state = self.states[account]
            if state is not None:
                self.store.write_balance(account, self.codec.state_text(account, state), entries)
        for key in sorted(self._filled):
            at = self._buckets[key]
            if at is not None:
                self.store.fill(key, at)
