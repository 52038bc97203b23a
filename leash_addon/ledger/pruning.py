"""Growth: old entries are folded into a checkpoint of every account, and deleted.

Nothing on the hot path reads old entries, so pruning only gives disk space back. It takes a prefix
of the journal, so that every account goes on from its checkpoint as if nothing had happened:
balances stay what they are, and ``fsck`` folds the rest onto the checkpoints. The entries of a call
that may still change (open, or swept and not adjusted) stay where they are.

The fold happens beside the writers: entries do not change, and all up to the last one to go are
there before it begins. Everything that is written, the triggers that forbid it dropped and
restored, is one transaction that nobody writes beside; so a long journal goes in slices, each
whole in itself, and calls go between them.
"""

from collections import Counter
from dataclasses import dataclass

from leash_addon.core.balance import EMPTY, Balance, fold
from leash_addon.core.journal import CallAdjusted, CallOpened, CallSettled
from leash_addon.core.money import Instant
from leash_addon.core.reading import Outcome
from leash_addon.errors import LedgerError
from leash_addon.ledger.books import Codec, accounts_of
from leash_addon.ledger.store import Snapshot, Whole

SLICE = 100_000
"""Entries of one transaction: some 0.3 s in which nobody else writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """What was pruned: up to entry ``last`` (0: nothing), to what, and from how many entries."""

    last: int
    states: dict[str, Balance]
    entries: Counter[str]


class Folded:
    """What a prefix of the journal comes to.

    ``last``: its last ``seq``; ``kept``: rows to keep; ``changed``: accounts that it has entries of
    beyond the checkpoints.
    """

    __slots__ = ("_calls", "changed", "entries", "first", "last", "states")

    def __init__(self, start: Checkpoints, last: int) -> None:
        """Begin at the checkpoints: ``first`` is theirs."""
        self.first = start.last
        self.last = last
        self.states = start.states
        self.entries = start.entries
        self.changed: set[str] = set()
        self._calls: dict[str, list[int]] = {}

    @property
    def kept(self) -> set[int]:
        """Return the rows of calls that may still change."""
        return {seq for rows in self._calls.values() for seq in rows}

    def add(self, seq: int, body: str, codec: Codec) -> None:
        """Fold one row, unless the checkpoints have it already."""
        entry = codec.entry(body)
        match entry:
            case CallOpened(call=call):
                self._calls[call] = [seq]
            case CallSettled(call=call, outcome=Outcome.SWEPT):
                self._calls.setdefault(call, []).append(seq)
            case CallSettled(call=call) | CallAdjusted(call=call):
                self._calls.pop(call, None)
            case _:
                pass
        if seq > self.first:
            for account in accounts_of(entry):
                self.states[account] = fold(self.states.get(account, EMPTY), entry)
                self.entries[account] += 1
                self.changed.add(account)


def checkpoints(found: Snapshot, codec: Codec) -> Checkpoints:
    """Return what the accounts stood at when the journal was pruned last."""
    rows = list(found.checkpoints())
    return Checkpoints(
        last=max((seq for _, seq, _, _ in rows), default=0),
        states={account: codec.balance(state) for account, _, state, _ in rows},
        entries=Counter({account: entries for account, _, _, entries in rows}),
    )


def pruned(whole: Whole) -> int:
    """Return the last entry that the checkpoints hold; 0: none."""
    ((last,),) = whole.query("SELECT max(seq) FROM checkpoints")
    return int(last or 0)


def prefix(whole: Whole, before: Instant, size: int = SLICE) -> int | None:
    """Return the last entry of the next slice to go; ``None``: there is no one.

    Entries go that come before the first that is not older. The newest entry always stays, so
    that ``seq`` goes on growing.
    """
    done = pruned(whole)
    ((first, newest),) = whole.query(
        "SELECT (SELECT min(seq) FROM journal WHERE at >= ? AND seq > ?), max(seq) FROM journal",
        (before, done),
    )
    if newest is None:
        return None
    ((last,),) = whole.query(
        "SELECT max(seq) FROM (SELECT seq FROM journal WHERE seq > ? AND seq < ? "
        "ORDER BY seq LIMIT ?) AS slice",
        (done, newest if first is None else min(first, newest), size),
    )
    return None if last is None else int(last)


def fold_up_to(found: Snapshot, codec: Codec, last: int) -> Folded:
    """Fold the entries from the beginning to the last one to go."""
    folded = Folded(checkpoints(found, codec), last)
    for seq, _, _, _, _, body in found.journal():
        if seq > last:
            break
        folded.add(seq, body, codec)
    return folded


def prune(whole: Whole, codec: Codec, folded: Folded) -> int:
    """Write the checkpoints and delete what they hold; return how many entries went."""
    if pruned(whole) != folded.first:
        msg = "somebody else has pruned it just now; nothing was changed"
        raise LedgerError(msg)
    for account in sorted(folded.changed):
        state = codec.text(folded.states[account])
        whole.write_checkpoint(account, folded.last, state, folded.entries[account])
    return whole.delete_entries(folded.last, sorted(folded.kept))
