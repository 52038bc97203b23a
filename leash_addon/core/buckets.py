"""Rate limits as token buckets, kept as one timestamp each: the generic cell rate algorithm.

A bucket is the moment at which it will be full again (the theoretical arrival time). Taking units
moves that moment on by the time in which they flow back; a call may pass while the moment is no
further away than a whole bucket takes to fill.
Source: https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm (virtual scheduling; read
2026-11-21).

* Requests are taken one by one. Tokens are taken at admission as estimated, and corrected when the
  call settles: the difference is taken later or given back.
* What calls are charged never exceeds burst + rate * time. A call larger than the whole bucket
  would never pass; it passes when the bucket is full.
* A bucket owes at most one window: after a call that was larger than it, or came out larger than
  its estimate, the next request waits no longer than that (a large call also while its own tokens
  flow back). What is owed beyond is forgiven, as a trailing window would.
* The same bound cures a clock that steps back: a moment further away than it is drawn near. The
  drawn-near moment is written even when the call is refused, else the next try would find it as
  far away as before.
* Amounts are rounded to microseconds per call, against the caller: no drift in their favour.
"""

from dataclasses import dataclass

from msgspec import Struct

from leash_addon.core.money import SECOND, Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """So many ``units`` per ``seconds``; ``burst`` of them may go at once.

    Raises ``ValueError`` unless all three are positive.
    """

    units: int
    seconds: int
    burst: int

    def __post_init__(self) -> None:
        """Refuse a bucket that lets nothing pass."""
        if min(self.units, self.seconds, self.burst) <= 0:
            msg = (
                f"a rate limit counts from 1: {self.units} per {self.seconds}s, {self.burst} burst"
            )
            raise ValueError(msg)

    def spent_by(self, units: int) -> int:
        """Return the microseconds in which so many units flow back, rounded up."""
        return -(-units * self.seconds * SECOND // self.units)

    @property
    def key(self) -> str:
        """Write the bucket's size as a part of a key: ``60/60s+10``."""
        return f"{self.units}/{self.seconds}s+{self.burst}"


class Taken(Struct, frozen=True, kw_only=True):
    """What a bucket says. ``wait``: microseconds until it says yes; 0 is yes.

    ``state``: its moment afterwards, to be written where it ``changed``.
    """

    state: Instant
    wait: int
    changed: bool


def take(bucket: Bucket, state: Instant | None, now: Instant, cost: int) -> Taken:
    """Take ``cost`` units, or say how long to wait. ``state`` ``None``: never used, full."""
    found = now if state is None else near(bucket, state, now)
    room, flow = bucket.spent_by(bucket.burst), bucket.spent_by(cost)
    wait = max(0, max(found, now) - now + min(flow, room) - room)
    after = found if wait else Instant(max(found, now) + flow)
    return Taken(state=after, wait=wait, changed=state is None or after != state)


def near(bucket: Bucket, state: Instant, now: Instant) -> Instant:
    """Return a bucket's moment, or the furthest that it may be: one unit passes in a window."""
    most = bucket.spent_by(bucket.burst) + bucket.seconds * SECOND - bucket.spent_by(1)
    return min(state, Instant(now + most))


def correct(
    bucket: Bucket, state: Instant | None, now: Instant, *, taken: int, used: int
) -> Instant:
    """Return a bucket's moment once a call that took an estimate turns out to have used ``used``.

    What is given back never fills the bucket beyond full.
    """
    found = now if state is None else near(bucket, state, now)
    if used >= taken:
        return Instant(max(found, now) + bucket.spent_by(used - taken))
    back = (taken - used) * bucket.seconds * SECOND // bucket.units
    return Instant(found - back)
