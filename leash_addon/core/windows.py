"""Calendar windows: days, weeks and months as a time zone has them, and the whole of time.

A day begins at the first moment whose local date is that day. Where clocks skip midnight it begins
when they land; where they fall back over midnight the repeated hour belongs to the day that had
begun; a day that a zone left out altogether has no length. So windows of a kind never overlap and
leave nothing out: each begins where the one before it ends.

The zone is an argument (``datetime.tzinfo``): to load one is I/O.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum

from leash_addon.core.money import Instant

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)


class WindowKind(StrEnum):
    """How long a cap counts before it begins anew. Weeks begin on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    TOTAL = "total"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window: ``start`` is in it, ``end`` no more; both ``None`` for ``total``.

    ``key``: ``day:2026-11-21``, ``week:2026-W47``, ``month:2026-11`` or ``total``.
    """

    kind: WindowKind
    key: str
    start: Instant | None = None
    end: Instant | None = None

    def holds(self, now: Instant) -> bool:
        """Tell whether a moment is in the window."""
        return (self.start is None or self.start <= now) and (self.end is None or now < self.end)


TOTAL = Window(kind=WindowKind.TOTAL, key="total")


def window_at(kind: WindowKind, now: Instant, tz: tzinfo) -> Window:
    """Return the window of a kind that holds a moment (of the years 2 to 9997)."""
    if kind is WindowKind.TOTAL:
        return TOTAL
    today = day_at(now, tz)
    first = first_day(kind, today)
    return Window(
        kind=kind,
        key=f"{kind}:{_name(kind, first)}",
        start=day_begins(first, tz),
        end=day_begins(next_first_day(kind, first), tz),
    )


def day_at(now: Instant, tz: tzinfo) -> date:
    """Return the day that a moment belongs to."""
    day = local(now, tz).date()
    while day_begins(day + _DAY, tz) <= now:  # clocks fell back over midnight
        day += _DAY
    return day


def day_begins(day: date, tz: tzinfo) -> Instant:
    """Return the first moment whose local date is ``day`` or later."""
    midnight = datetime.combine(day, time(), tz)
    begins = instant(midnight)
    if _wall(begins, tz) == midnight.replace(tzinfo=None):
        return begins
    # Clocks skip midnight. The zone's earlier offset puts it at or after the jump, its later one
    # before: the jump itself is between them.
    before, after = instant(midnight.replace(fold=1)) - 1, begins
    while after - before > 1:
        middle = Instant((before + after) // 2)
        if _wall(middle, tz) < midnight.replace(tzinfo=None):
            before = middle
        else:
            after = middle
    return Instant(after)


def first_day(kind: WindowKind, day: date) -> date:
    """Return the day on which the window that holds ``day`` begins."""
    match kind:
        case WindowKind.WEEK:
            return day - day.weekday() * _DAY
        case WindowKind.MONTH:
            return day.replace(day=1)
        case _:
            return day


def next_first_day(kind: WindowKind, first: date) -> date:
    """Return the day on which the next window begins."""
    match kind:
        case WindowKind.WEEK:
            return first + 7 * _DAY
        case WindowKind.MONTH:
            return (first + 31 * _DAY).replace(day=1)
        case _:
            return first + _DAY


def local(now: Instant, tz: tzinfo) -> datetime:
    """Return a moment as a zone's clocks show it."""
    return (EPOCH + now * _MICROSECOND).astimezone(tz)


def instant(moment: datetime) -> Instant:
    """Return an aware time as microseconds since 1970; its ``fold`` counts."""
    # Aware times of one zone would be subtracted by the wall clock: go through UTC.
    return Instant((moment.astimezone(UTC) - EPOCH) // _MICROSECOND)


def _wall(now: Instant, tz: tzinfo) -> datetime:
    return local(now, tz).replace(tzinfo=None)


def _name(kind: WindowKind, first: date) -> str:
    match kind:
        case WindowKind.WEEK:
            year, week, _ = first.isocalendar()
            return f"{year}-W{week:02d}"
        case WindowKind.MONTH:
            return first.isoformat()[:7]
        case _:
            return first.isoformat()
