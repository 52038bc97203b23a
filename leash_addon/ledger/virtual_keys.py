"""The virtual keys of a ledger: read anew at each call, so that a change holds at once.

``hash`` is the SHA-256 of the ``lsh_`` key, which has 256 random bits: nothing slower is needed.
``sealed`` is the provider's key as the vault encrypted it; the ledger cannot open it.
"""

from collections.abc import Callable
from difflib import get_close_matches
from hashlib import sha256

import msgspec
from msgspec import Struct

from leash_addon.core.caps import Cap
from leash_addon.core.virtual_keys import VirtualKey, caps_of
from leash_addon.errors import LedgerError, UsageError
from leash_addon.ledger.database import Database

_COLUMNS = "SELECT hash, terms, sealed FROM virtual_keys"


class StoredKey(Struct, frozen=True, kw_only=True):
    """One row. ``stamp``: the terms as they are written."""

    key: VirtualKey
    hash: str
    sealed: str
    stamp: str = ""


def hash_of(token: str) -> str:
    """Return what an ``lsh_`` key is known by."""
    return sha256(b"leash virtual key " + token.encode(errors="surrogatepass")).hexdigest()


def find_key(database: Database, token: str) -> StoredKey | None:
    """Return the row of an ``lsh_`` key; one query, no write. Raises ``LedgerError``."""
    with database.guarded():
        rows = database.query(f"{_COLUMNS} WHERE hash = ?", (hash_of(token),))
    return _stored(rows[0]) if rows else None


def named_key(database: Database, name: str) -> StoredKey:
    """Return the row of a name (or id). Raises ``UsageError`` with near names."""
    with database.guarded():
        rows = database.query(f"{_COLUMNS} WHERE name = ? OR id = ?", (name, name))
        if rows:
            return _stored(rows[0])
        known = [str(row[0]) for row in database.query("SELECT name FROM virtual_keys")]
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "`leash keys list` lists them"
    msg = f"no virtual key {name!r}; {hint}"
    raise UsageError(msg)


def all_keys(database: Database) -> list[StoredKey]:
    """Return every row, by name."""
    with database.guarded():
        return [_stored(row) for row in database.query(f"{_COLUMNS} ORDER BY name")]


def key_caps(database: Database) -> tuple[Cap, ...]:
    """Return the caps of every key."""
    return tuple(cap for stored in all_keys(database) for cap in caps_of(stored.key))


def add_key(database: Database, new: StoredKey) -> None:
    """Write a new key. Raises ``UsageError`` when its name is taken, by a revoked one too."""
    key = new.key
    with database.guarded(), database.alone() as whole:
        if whole.query("SELECT 1 FROM virtual_keys WHERE name = ?", (key.name,)):
            msg = (
                f"--name: there is a virtual key {key.name} already, with an account of its own; "
                "choose another name, or `leash keys rotate` it"
            )
            raise UsageError(msg)
        whole.execute(
            "INSERT INTO virtual_keys (id, name, hash, terms, sealed) VALUES (?, ?, ?, ?, ?)",
            (key.id, key.name, new.hash, _text(key), new.sealed),
        )


def change_key(
    database: Database, name: str, change: Callable[[StoredKey], StoredKey]
) -> StoredKey:
    """Replace a key by what ``change`` makes of it; id and name stay. Raises ``UsageError``."""
    known = named_key(database, name).key.id
    with database.guarded(), database.alone() as whole:
        rows = whole.query(f"{_COLUMNS} WHERE id = ?", (known,))
        new = change(_stored(rows[0]))
        whole.execute(
            "UPDATE virtual_keys SET hash = ?, terms = ?, sealed = ? WHERE id = ?",
            (new.hash, _text(new.key), new.sealed, known),
        )
    return new


def _text(key: VirtualKey) -> str:
    return msgspec.json.encode(key, order="sorted").decode()


def _stored(row: tuple[object, ...]) -> StoredKey:
    hashed, terms, sealed = (str(each) for each in row)
    try:
        key = msgspec.json.decode(terms, type=VirtualKey)
    except msgspec.MsgspecError as error:
        msg = f"a row of virtual_keys cannot be read: {error}"
        raise LedgerError(msg) from None
    return StoredKey(key=key, hash=hashed, sealed=sealed, stamp=terms)
