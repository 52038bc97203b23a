"""One transaction's view of the accounts: read once, folded entry by entry, written once.

``Codec`` turns entries and balances into JSON and back; one is made per ledger, since making a
decoder costs more than a call does.
"""

import sqlite3

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

_READ = "SELECT state FROM balances WHERE account = ?"
_WRITE = (
    "INSERT INTO balances (account, state) VALUES (?, ?) "
    "ON CONFLICT (account) DO UPDATE SET state = excluded.state"
)
_BUCKET = "SELECT at FROM buckets WHERE bucket = ?"
_FILL = (
    "INSERT INTO buckets (bucket, at) VALUES (?, ?) "
    "ON CONFLICT (bucket) DO UPDATE SET at = excluded.at"
)
_APPEND = "INSERT INTO journal (at, run, call, kind, body) VALUES (?, ?, ?, ?, ?)"


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


class Books:
    """The accounts as one open transaction sees and changes them."""

    __slots__ = ("_buckets", "_changed", "_filled", "_states", "codec", "conn", "entries")

    def __init__(self, conn: sqlite3.Connection, codec: Codec) -> None:
        """Begin with nothing read and nothing changed."""
        self.conn = conn
        self.codec = codec
        self._states: dict[str, Balance | None] = {}
        self._changed: set[str] = set()
        self._buckets: dict[str, Instant | None] = {}
        self._filled: set[str] = set()
        self.entries: list[Entry] = []

    def find(self, account: str) -> Balance | None:
        """Return what an account stands at, ``None`` when nothing was ever booked on it."""
        try:
            return self._states[account]
        except KeyError:
            row = self.conn.execute(_READ, (account,)).fetchone()
            state = None if row is None else self.codec.state(account, row[0])
            self._states[account] = state
            return state

    def bucket(self, key: str) -> Instant | None:
        """Return the moment of a rate limit's bucket, ``None`` when it is full."""
        if key not in self._buckets:
            row = self.conn.execute(_BUCKET, (key,)).fetchone()
            self._buckets[key] = None if row is None else Instant(row[0])
        return self._buckets[key]

    def fill(self, key: str, at: Instant) -> None:
        """Set the moment of a bucket."""
        self._buckets[key] = at
        self._filled.add(key)

    def record(self, entry: Entry) -> int:
        """Journal an entry, fold it into its accounts, return its ``seq``."""
        seq = self.conn.execute(
            _APPEND,
            (
                entry.at,
                entry.run,
                getattr(entry, "call", None),
                entry.__struct_config__.tag,
                self.codec.text(entry),
            ),
        ).lastrowid
        for account in accounts_of(entry):
            self._states[account] = fold(self.find(account) or EMPTY, entry)
            self._changed.add(account)
        self.entries.append(entry)
        return seq or 0

    def write(self) -> None:
        """Write what changed, in key order; the transaction commits it."""
        for account in sorted(self._changed):
            state = self._states[account]
            if state is not None:
                self.conn.execute(_WRITE, (account, self.codec.state_text(account, state)))
        for key in sorted(self._filled):
            self.conn.execute(_FILL, (key, self._buckets[key]))
