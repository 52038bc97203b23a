"""Growth: old entries are folded into a checkpoint of every account, and deleted.

Nothing on the hot path reads old entries, so pruning only gives disk space back. It takes a prefix
of the journal, so that every account goes on from its checkpoint as if nothing had happened:
balances stay what they are, and ``fsck`` folds the rest onto the checkpoints. The entries of a call
that may still change (open, or swept and not adjusted) stay where they are.

The fold happens beside the writers: entries do not change, and all up to the last one to go are
there before it begins. Everything that is written, the triggers that forbid it dropped and
restored, is one transaction that nobody writes beside.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoints:
    """What was pruned: up to entry ``last`` (0: nothing), to what, and from how many entries."""

    last: int
    states: dict[str, Balance]
    entries: Counter[str]


class Folded:
    """What a prefix of the journal comes to. ``last``: its last ``seq``; ``kept``: rows to keep."""

    __slots__ = ("_calls", "entries", "first", "last", "states")

    def __init__(self, start: Checkpoints, last: int) -> None:
        """Begin at the checkpoints: ``first`` is theirs."""
        self.first = start.last
        self.last = last
        self.states = start.states
        self.entries = start.entries
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


def checkpoints(found: Snapshot, codec: Codec) -> Checkpoints:
    """Return what the accounts stood at when the journal was pruned last."""
    rows = list(found.checkpoints())
    return Checkpoints(
        last=max((seq for _, seq, _, _ in rows), default=0),
        states={account: codec.balance(state) for account, _, state, _ in rows},
        entries=Counter({account: entries for account, _, _, entries in rows}),
    )


def prefix(whole: Whole, codec: Codec, before: Instant) -> int | None:
    """Return the last entry to go: those before the first that is not older; ``None``: no one.

    The newest entry always stays, so that ``seq`` goes on growing.
    """
    pruned = checkpoints(whole, codec).last
    (found,) = whole.query(
        "SELECT (SELECT min(seq) FROM journal WHERE at >= ? AND seq > ?), max(seq) FROM journal",
        (before, pruned),
    )
    first, newest = found
    if newest is None:
        return None
    last = int(min(newest if first is None else first, newest)) - 1
    return last if last > pruned else None


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
    if checkpoints(whole, codec).last != folded.first:
        msg = "somebody else has pruned it just now; nothing was changed"
        raise LedgerError(msg)
    for account in sorted(folded.states):
        state = codec.text(folded.states[account])
        whole.write_checkpoint(account, folded.last, state, folded.entries[account])
    return whole.delete_entries(folded.last, sorted(folded.kept))
