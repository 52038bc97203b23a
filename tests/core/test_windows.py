"""Calendar windows in real time zones, at the moments where clocks jump."""

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.core.money import SECOND, Instant
from leash_addon.core.windows import TOTAL, WindowKind, day_begins, instant, window_at

HOUR = 3600 * SECOND
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",  # until 2019 clocks skipped midnight
    "Asia/Beirut",  # clocks skip midnight
    "America/St_Johns",  # until 2011 clocks fell back over midnight, by a minute past it
    "Pacific/Apia",  # had no 30 December 2011
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Asia/Kathmandu",
]
CALENDAR = [WindowKind.DAY, WindowKind.WEEK, WindowKind.MONTH]


def at(text: str, zone: str = "UTC") -> Instant:
    """Return a local time as an instant."""
    return instant(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


zones = st.sampled_from([ZoneInfo(name) for name in ZONES])
moments = st.integers(min_value=at("1975-01-01T00:00"), max_value=at("2045-01-01T00:00")).map(
    Instant
)


@st.composite
def near_a_jump(draw: st.DrawFn) -> tuple[tzinfo, Instant]:
    """Draw a zone and a moment within two days of one of its clock changes."""
    zone, moment = draw(zones), draw(moments)
    low, high = moment, Instant(moment + 200 * 24 * HOUR)

    def offset(when: int) -> timedelta | None:
        return (
            (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=when))
            .astimezone(zone)
            .utcoffset()
        )

    if offset(low) != offset(high):
        while high - low > 1:
            middle = Instant((low + high) // 2)
            low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
    shift = draw(st.integers(-48 * HOUR, 48 * HOUR) | st.sampled_from([-1, 0, 1]))
    return zone, Instant(high + shift)


@given(near_a_jump(), st.sampled_from(CALENDAR))
def test_windows_partition_time(where: tuple[tzinfo, Instant], kind: WindowKind) -> None:
    """Every moment is in the one window that begins where the one before it ends."""
    zone, now = where
    window = window_at(kind, now, zone)
    assert window.start is not None
    assert window.end is not None
    assert window.start <= now < window.end
    assert window_at(kind, window.end, zone).start == window.end
    assert window_at(kind, Instant(window.start - 1), zone).end == window.start


@given(near_a_jump(), st.sampled_from(CALENDAR), st.floats(0, 1))
def test_a_window_has_one_key(
    where: tuple[tzinfo, Instant], kind: WindowKind, share: float
) -> None:
    """All moments of a window give the same window, and its end gives another key."""
    zone, now = where
    window = window_at(kind, now, zone)
    assert window.start is not None
    assert window.end is not None
    inside = Instant(min(window.end - 1, window.start + int((window.end - window.start) * share)))
    assert window_at(kind, inside, zone) == window
    assert window_at(kind, window.end, zone).key != window.key


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        pytest.param("Europe/Berlin", "2026-11-21", 24, id="usual day"),
        pytest.param("Europe/Berlin", "2026-03-29", 23, id="spring forward"),
        pytest.param("Europe/Berlin", "2026-10-25", 25, id="fall back"),
        pytest.param("America/Sao_Paulo", "2018-11-04", 23, id="midnight skipped"),
        pytest.param("Asia/Beirut", "2024-03-31", 23, id="midnight skipped in spring"),
        pytest.param("Pacific/Apia", "2011-12-29", 24, id="before the day that was not"),
        pytest.param("Australia/Lord_Howe", "2026-04-05", 24.5, id="half an hour back"),
    ],
)
def test_a_day_is_as_long_as_its_zone_has_it(zone: str, day: str, hours: float) -> None:
    """A day across a clock change is as many hours as people live through."""
    noon = at(f"{day}T12:00", zone)
    window = window_at(WindowKind.DAY, noon, ZoneInfo(zone))
    assert window.start is not None
    assert window.end is not None
    assert (window.end - window.start) / HOUR == hours


def test_a_day_without_midnight_begins_when_clocks_land() -> None:
    """On 4 November 2018 São Paulo went from 23:59:59 to 01:00."""
    zone = ZoneInfo("America/Sao_Paulo")
    assert day_begins(date(2018, 11, 4), zone) == at("2018-11-04T03:00")


def test_clocks_that_jump_over_midnight_begin_the_day_where_they_land() -> None:
    """On 30 March 1919 Toronto went from 23:30 to 00:30 of the next day."""
    zone = ZoneInfo("America/Toronto")
    assert day_begins(date(1919, 3, 31), zone) == at("1919-03-31T04:30")


def test_an_hour_repeated_over_midnight_belongs_to_the_day_that_had_begun() -> None:
    """On 7 November 2010 St. John's fell back from 00:01 to 23:01 of the day before."""
    zone = ZoneInfo("America/St_Johns")
    fallen_back = at("2010-11-07T02:45")  # 23:15 local, the second time
    assert window_at(WindowKind.DAY, fallen_back, zone).key == "day:2010-11-07"


def test_a_day_that_a_zone_left_out_has_no_window() -> None:
    """Samoa went from 29 to 31 December 2011; no moment is on the 30th."""
    zone = ZoneInfo("Pacific/Apia")
    end = window_at(WindowKind.DAY, at("2011-12-29T12:00", "Pacific/Apia"), zone).end
    assert end is not None
    assert window_at(WindowKind.DAY, end, zone).key == "day:2011-12-31"


@pytest.mark.parametrize(
    ("kind", "when", "key", "start", "end"),
    [
        pytest.param(
            "day", "2026-11-21T23:59", "day:2026-11-21", "2026-11-21", "2026-11-22", id="day"
        ),
        pytest.param(
            "week", "2027-01-01T10:00", "week:2026-W53", "2026-12-28", "2027-01-04", id="ISO week"
        ),
        pytest.param(
            "month", "2026-12-31T23:59", "month:2026-12", "2026-12-01", "2027-01-01", id="December"
        ),
        pytest.param(
            "month", "2028-02-29T00:00", "month:2028-02", "2028-02-01", "2028-03-01", id="leap day"
        ),
    ],
)
def test_windows_have_these_keys_and_bounds(
    kind: str, when: str, key: str, start: str, end: str
) -> None:
    """A window is named by its calendar and runs from local midnight to local midnight."""
    window = window_at(WindowKind(kind), at(when, "Europe/Berlin"), ZoneInfo("Europe/Berlin"))
    bounds = (at(f"{start}T00:00", "Europe/Berlin"), at(f"{end}T00:00", "Europe/Berlin"))
    assert (window.key, (window.start, window.end)) == (key, bounds)


def test_the_same_moment_is_another_day_elsewhere() -> None:
    """The zone decides the day: 23:30 in UTC is tomorrow in Berlin."""
    now = at("2026-11-21T23:30")
    keys = [window_at(WindowKind.DAY, now, zone).key for zone in (UTC, ZoneInfo("Europe/Berlin"))]
    assert keys == ["day:2026-11-21", "day:2026-11-22"]


@given(moments, zones)
def test_total_never_ends(now: Instant, zone: ZoneInfo) -> None:
    """The window of a total is the same at every moment, without bounds."""
    assert window_at(WindowKind.TOTAL, now, zone) == TOTAL
