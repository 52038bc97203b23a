"""Repair: balances and holds written anew from the journal, which alone is the truth."""

from leash_addon.errors import LedgerError
from leash_addon.ledger.books import Codec
from leash_addon.ledger.fsck import Problem, prove
from leash_addon.ledger.store import Whole

_HOLD = "INSERT INTO holds (call, owner, seq) VALUES (?, ?, ?)"

NOBODY = "nobody"
"""The owner of a hold that was lost: dead, so that the next sweep settles it."""


def repair(whole: Whole, codec: Codec) -> list[Problem]:
    """Rebuild every balance and hold; return what was wrong. Nobody writes beside it.

    Raises ``LedgerError`` when the journal itself is damaged: what it comes to is not known then.
    """
    proof = prove(whole, codec)
    if not proof.problems:
        return []
    for each in proof.problems:
        if each.place.startswith(("journal ", "file")):
            msg = (
                f"the journal itself is damaged ({each.place}: {each.message}), so nothing can be "
                "rebuilt from it; restore a copy (`leash backup` makes them)"
            )
            raise LedgerError(msg)
    whole.execute("DELETE FROM balances")
    for account, state in sorted(proof.states.items()):
        whole.write_balance(account, codec.state_text(account, state), proof.entries[account])
    owners: dict[str, str] = dict(whole.query("SELECT call, owner FROM holds"))
    whole.execute("DELETE FROM holds")
    for call, seq in proof.opened.items():
        whole.execute(_HOLD, (call, owners.get(call, NOBODY), seq))
    return proof.problems
