"""Loops of tool calls: the same tools with the same arguments, again and again, or in turn.

An answer's tool calls have one fingerprint: names and arguments, in any order, whitespace and the
order of members aside, and on wish without what changes by itself (numbers, times, ids). A loop of
period 1, 2 or 3 is an answer equal to the one so many before it, for as long as the loop goes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import msgspec

PERIODS: Final = 3
SIZE: Final = 16
LONGEST_NAME: Final = 40
MOST_NAMED: Final = 3

VOLATILE: Final = (
    (
        re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"),
        "U",
    ),
    (
        re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"),
        "T",
    ),
    (re.compile(r"\b(?:0x)?(?=[0-9a-fA-F]*\d)[0-9a-fA-F]{7,}\b"), "H"),
    (re.compile(r"\d+(?:\.\d+)?"), "N"),
)
"""What is masked, most particular first: UUIDs, dates and times, hexadecimal ids, numbers."""

STRANGE: Final = re.compile(r"[^\w.:/-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One tool call of an answer. ``arguments``: JSON; ``digest``: of all of them, where cut."""

    name: str
    arguments: str
    digest: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looking:
    """How tool calls are compared. ``exempt``: tools that may be called the same way for ever."""

    mask: bool = False
    exempt: frozenset[str] = frozenset()


PLAIN: Final = Looking()


class Turn(msgspec.Struct, frozen=True, array_like=True):
    """The tool calls of one answer: their fingerprint, "" for none, and their names for people."""

    mark: str = ""
    names: str = ""


class Looped(msgspec.Struct, frozen=True, array_like=True):
    """The last turns, the newest first, and for each period how many turns in a row it has held."""

    last: tuple[Turn, ...] = ()
    held: tuple[int, ...] = (0,) * PERIODS

    def after(self, turn: Turn) -> "Looped":
        """Return the state after one more turn; one without tool calls ends every loop."""
        if not turn.mark:
            return Looped()
        held = tuple(
            self.held[back] + 1
            if len(self.last) > back and self.last[back].mark == turn.mark
            else 0
            for back in range(PERIODS)
        )
        return Looped((turn, *self.last[: PERIODS - 1]), held)

    def told(self, times: int) -> str | None:
        """Say what repeats when something came ``times`` times; ``None`` if nothing did."""
        for period in range(1, PERIODS + 1):
            if times > 1 and self.held[period - 1] >= period * (times - 1):
                names = [turn.names for turn in reversed(self.last[:period])]
                turns = (
                    f"{names[0]} with the same arguments" if period == 1 else " and ".join(names)
                )
                in_turn = "" if period == 1 else " in turn, each with the same arguments,"
                return f"the model called {turns}{in_turn} {times} times in a row"
        return None


def turn_of(calls: Sequence[ToolCall], looking: Looking) -> Turn | None:
    """Return the turn that an answer's tool calls make; ``None``: only exempt ones, no turn."""
    watched = [call for call in calls if call.name not in looking.exempt]
    if not watched:
        return None if calls else Turn()
    marks = sorted(_mark(call, mask=looking.mask) for call in watched)
    names = list(dict.fromkeys(STRANGE.sub("_", call.name)[:LONGEST_NAME] for call in watched))
    more = ", ..." if len(names) > MOST_NAMED else ""
    digest = blake2b(b"".join(marks), digest_size=SIZE)
    return Turn(digest.hexdigest(), ", ".join(names[:MOST_NAMED]) + more)


def _mark(call: ToolCall, *, mask: bool) -> bytes:
    text = _normal(call.arguments)
    if mask:
        for pattern, stand_in in VOLATILE:
            text = pattern.sub(stand_in, text)
    name = blake2b(call.name.encode("utf-8", "replace"), digest_size=SIZE).digest()
    rest = b"" if mask else call.digest
    return name + blake2b(text.encode("utf-8", "replace") + rest, digest_size=SIZE).digest()


def _normal(arguments: str) -> str:
    """Write JSON in one way; what is none is taken with its whitespace folded."""
    try:
        return msgspec.json.encode(msgspec.json.decode(arguments), order="sorted").decode()
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError):
        return " ".join(arguments.split())
