"""Repair: balances and holds written anew from the journal, which alone is the truth."""

from leash_addon.errors import LedgerError
from leash_addon.ledger.books import Books
from leash_addon.ledger.fsck import Problem, prove

_WRITE = "INSERT INTO balances (account, state) VALUES (?, ?)"
_HOLD = "INSERT INTO holds (call, owner, seq) VALUES (?, ?, ?)"

NOBODY = "nobody"
"""The owner of a hold that was lost: dead, so that the next sweep settles it."""


def repair(books: Books) -> list[Problem]:
    """Rebuild every balance and hold; return what was wrong. The caller holds the write lock.

    Raises ``LedgerError`` when the journal itself is damaged: what it comes to is not known then.
    """
    proof = prove(books.conn, books.codec)
    if not proof.problems:
        return []
    for each in proof.problems:
        if each.place.startswith(("journal ", "file")):
            msg = (
                f"the journal itself is damaged ({each.place}: {each.message}), so nothing can be "
                "rebuilt from it; restore a copy (`leash backup` makes them)"
            )
            raise LedgerError(msg)
    books.conn.execute("DELETE FROM balances")
    for account, state in sorted(proof.states.items()):
        books.conn.execute(_WRITE, (account, books.codec.state_text(account, state)))
    owners = dict(books.conn.execute("SELECT call, owner FROM holds").fetchall())
    books.conn.execute("DELETE FROM holds")
    for call, seq in proof.opened.items():
        books.conn.execute(_HOLD, (call, owners.get(call, NOBODY), seq))
    return proof.problems
