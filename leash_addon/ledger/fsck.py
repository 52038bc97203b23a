"""Proof that a ledger is whole: everything in it recomputed from its journal.

One read snapshot, so it is right on a database that others are writing to.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from leash_addon.core.balance import EMPTY, Balance, fold
from leash_addon.core.journal import CallAdjusted, CallOpened, CallSettled, Entry
from leash_addon.core.reading import Outcome
from leash_addon.ledger.books import Codec, accounts_of
from leash_addon.ledger.pruning import checkpoints
from leash_addon.ledger.store import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is not as the journal says. ``place``: the row or account."""

    place: str
    message: str


@dataclass(slots=True)
class Proof:
    """What the journal comes to, and what was wrong with it on the way.

    ``pruned``: the last entry that the checkpoints hold.
    """

    codec: Codec
    pruned: int = 0
    states: dict[str, Balance] = field(default_factory=dict)
    entries: Counter[str] = field(default_factory=Counter)
    opened: dict[str, int] = field(default_factory=dict)
    settled: dict[str, bool] = field(default_factory=dict)  # call -> whether it was swept
    adjusted: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def say(self, place: str, message: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(place=place, message=message))

    def add(self, seq: int, entry: Entry) -> None:
        """Take one entry, in order."""
        place = f"journal {seq}"
        match entry:
            case CallOpened():
                if entry.call in self.opened or entry.call in self.settled:
                    self.say(place, f"call {entry.call} was opened twice")
                self.opened[entry.call] = seq
            case CallSettled():
                if entry.call in self.settled:
                    self.say(place, f"call {entry.call} was settled twice")
                elif self.opened.pop(entry.call, None) is None:
                    self.say(place, f"call {entry.call} was settled but never opened")
                self.settled[entry.call] = entry.outcome is Outcome.SWEPT
            case CallAdjusted():
                if not self.settled.get(entry.call) or entry.call in self.adjusted:
                    self.say(place, f"call {entry.call} was adjusted without a sweep before it")
                self.adjusted.add(entry.call)
            case _:
                pass
        for account in accounts_of(entry) if seq > self.pruned else ():
            self.states[account] = fold(self.states.get(account, EMPTY), entry)
            self.entries[account] += 1


def fsck(found: Snapshot, codec: Codec) -> list[Problem]:
    """Return every problem found, none for a whole ledger."""
    return prove(found, codec).problems


def prove(found: Snapshot, codec: Codec) -> Proof:
    """Recompute everything that one moment of a ledger has."""
    start = checkpoints(found, codec)
    proof = Proof(codec, pruned=start.last, states=start.states, entries=start.entries)
    for message in found.damage():
        proof.say("file", message)
    _read_journal(found, proof)
    _compare_balances(found, proof)
    _compare_holds(found, proof)
    return proof


def _read_journal(found: Snapshot, proof: Proof) -> None:
    expected = proof.pruned + 1
    for seq, at, run, call, kind, body in found.journal():
        if seq > proof.pruned:
            if found.gapless and seq != expected:
                proof.say(f"journal {seq}", f"entries {expected} to {seq - 1} are missing")
            expected = seq + 1
        try:
            entry = proof.codec.entry(body)
        except msgspec.MsgspecError as error:
            proof.say(f"journal {seq}", f"the entry cannot be read ({error})")
            continue
        if (at, run, call, kind) != _columns(entry):
            proof.say(f"journal {seq}", "its columns and its body differ")
        proof.add(seq, entry)


def _columns(entry: Entry) -> tuple[int, str, str | None, object]:
    return entry.at, entry.run, getattr(entry, "call", None), entry.__struct_config__.tag


def _compare_balances(found: Snapshot, proof: Proof) -> None:
    stored: dict[str, Balance] = {}
    for account, state, entries in found.balances():
        if entries is not None and entries != proof.entries[account]:
            there = proof.entries[account]
            proof.say(f"journal of {account}", f"{entries} entries were booked; {there} are there")
        try:
            stored[account] = proof.codec.balance(state)
        except msgspec.MsgspecError as error:
            proof.say(account, f"the balance cannot be read ({error})")
    for account in sorted(stored.keys() | proof.states.keys()):
        for difference in _differences(stored.get(account), proof.states.get(account)):
            proof.say(account, difference)


def _differences(stored: Balance | None, proved: Balance | None) -> Iterator[str]:
    if stored is None or proved is None:
        yield "a balance without entries" if stored else "entries without a balance"
        return
    for name in Balance.__struct_fields__:
        there, right = getattr(stored, name), getattr(proved, name)
        if there != right:
            yield f"{name} is {there!r}; the journal comes to {right!r}"


def _compare_holds(found: Snapshot, proof: Proof) -> None:
    held = dict(found.holds())
    for call in sorted(held.keys() - proof.opened.keys()):
        proof.say(f"hold {call}", "no open call has it")
    for call in sorted(proof.opened.keys() - held.keys()):
        proof.say(f"call {call}", "it is open and has no hold")
    for call in sorted(held.keys() & proof.opened.keys()):
        if held[call] != proof.opened[call]:
            proof.say(f"hold {call}", f"it points at entry {held[call]}, not {proof.opened[call]}")
