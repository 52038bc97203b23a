"""The trailing window of tokens, kept in slots rather than call by call.

A slot is (start in seconds, tokens) and a sixtieth of the window; it leaves as a whole, once even
its last moment is out of the window. So a window never forgets tokens early, and at most one slot
and one second late, whatever the number of calls in it.
"""

from leash_addon.core.limits import TokenWindow
from leash_addon.core.money import SECOND, Instant

type Slots = tuple[tuple[int, int], ...]
"""(start in seconds, tokens), oldest first."""

SLOTS = 60
"""A window is so many slots; none is shorter than a second."""


def slot_seconds(window: TokenWindow) -> int:
    """Return how long one slot of a window is, in seconds."""
    return max(1, window.seconds // SLOTS)


def added(slots: Slots, window: TokenWindow | None, at: Instant, tokens: int) -> Slots:
    """Add tokens to the slot of ``at``, and let go of what has left the window.

    A clock that stepped back a little adds to the newest slot. Slots further ahead than a whole
    window are forgotten, or they would be in the way until the clock is there again.
    """
    if window is None:
        return ()
    size = slot_seconds(window)
    start = at // SECOND // size * size
    near = [slot for slot in slots if slot[0] <= start + window.seconds]
    if near:
        start = max(start, near[-1][0])
    kept = tuple(slot for slot in near if slot[0] + size > start - window.seconds)
    if kept and kept[-1][0] == start:
        return (*kept[:-1], (start, kept[-1][1] + tokens))
    return (*kept, (start, tokens)) if tokens else kept


def live(slots: Slots, window: TokenWindow, now: Instant) -> Slots:
    """Return the slots that count now: those in the window, and those at most one ahead of it."""
    size, seconds = slot_seconds(window), now // SECOND
    since, ahead = seconds - window.seconds, seconds + window.seconds
    return tuple(slot for slot in slots if slot[0] + size > since and slot[0] <= ahead)


def frees(slot: tuple[int, int], window: TokenWindow, now: Instant) -> float:
    """Return in how many seconds a slot will have left the window."""
    return float(slot[0] + slot_seconds(window) + window.seconds) - now / SECOND


def resized(slots: Slots, old: TokenWindow | None, new: TokenWindow | None, at: Instant) -> Slots:
    """Keep slots when the limit changes at a moment: tokens of longer ones count as their last.

    No slot is moved beyond that moment, where it would be taken for one of a wrong clock.
    """
    if old is None or new is None:
        return ()
    size = slot_seconds(new)
    later, latest = max(0, slot_seconds(old) - size), at // SECOND // size * size
    return tuple((max(start, min(start + later, latest)), tokens) for start, tokens in slots)
