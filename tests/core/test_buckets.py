"""Token buckets: what passes, what waits, and what a clock may do to them."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.core.buckets import Bucket, correct, take
from leash_addon.core.money import SECOND, Instant

START = Instant(1_800_000_000 * SECOND)
SIXTY = Bucket(units=60, seconds=60, burst=10)

buckets = st.builds(
    Bucket,
    units=st.integers(1, 10**6),
    seconds=st.integers(1, 86_400),
    burst=st.integers(1, 10**6),
)


def after(seconds: float) -> Instant:
    """Return the moment so long after the start."""
    return Instant(START + round(seconds * SECOND))


@given(
    buckets,
    st.lists(st.tuples(st.floats(0, 2), st.floats(0, 1)), min_size=1, max_size=60),
)
def test_never_more_than_burst_and_rate_over_time(
    bucket: Bucket, calls: list[tuple[float, float]]
) -> None:
    """Between any two admissions pass at most the burst and what flowed back meanwhile."""
    state, passed = None, []
    moments = accumulate((gap * bucket.seconds / bucket.units for gap, _ in calls), initial=0.0)
    for seconds, (_, share) in zip(moments, calls, strict=False):
        cost = max(1, round(share * bucket.burst))
        taken = take(bucket, state, after(seconds), cost)
        state = taken.state
        if not taken.wait:
            passed.append((after(seconds), cost))
    for first, (since, _) in enumerate(passed):
        total = 0
        for until, cost in passed[first:]:
            total += cost
            flowed = (until - since) * bucket.units / (bucket.seconds * SECOND)
            assert total <= bucket.burst + flowed + 1e-3


@given(buckets, st.lists(st.integers(1, 10**6), min_size=1, max_size=30))
def test_the_wait_is_honest(bucket: Bucket, costs: list[int]) -> None:
    """Who comes back after exactly the wait passes; who comes a moment earlier does not."""
    state, now = None, START
    for cost in costs:
        taken = take(bucket, state, now, cost)
        if taken.wait:
            assert take(bucket, taken.state, Instant(now + taken.wait - 1), cost).wait == 1
            now = Instant(now + taken.wait)
            taken = take(bucket, taken.state, now, cost)
        assert taken.wait == 0
        state = taken.state


@given(
    buckets,
    st.lists(st.tuples(st.integers(1, 10**6), st.integers(-(10**12), 10**12)), max_size=20),
    st.integers(-(10**14), 10**14),
)
def test_a_clock_that_steps_back_locks_out_for_at_most_one_window(
    bucket: Bucket, before: list[tuple[int, int]], step: int
) -> None:
    """Whatever was charged and however the clock jumps, one unit passes a window later."""
    state, now = None, START
    for cost, jump in before:
        state = take(bucket, state, now, cost).state
        now = Instant(now + jump)
    now = Instant(now + step)
    taken = take(bucket, state, now, 1)
    assert taken.wait <= bucket.seconds * SECOND
    later = Instant(now + bucket.seconds * SECOND)
    assert take(bucket, taken.state, later, 1).wait == 0


@given(buckets, st.floats(0, 1), st.floats(0, 1), st.integers(0, 10**12))
def test_a_correction_equals_the_right_charge(
    bucket: Bucket, estimated: float, used: float, later: int
) -> None:
    """A call that settles leaves the wait that it had, were it charged right at once."""
    estimate, actual = (round(share * bucket.burst) for share in (estimated, used))
    end = Instant(START + later)
    charged = take(bucket, None, START, estimate).state
    corrected = correct(bucket, charged, end, taken=estimate, used=actual)
    right = take(bucket, None, START, actual).state
    waits = [take(bucket, state, end, bucket.burst).wait for state in (corrected, right)]
    if actual <= estimate:
        assert 0 <= waits[0] - waits[1] <= 1
    else:
        assert waits[0] >= waits[1]


@given(
    buckets,
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 2)), max_size=40),
)
def test_what_calls_used_stays_within_burst_and_rate(
    bucket: Bucket, calls: list[tuple[float, float, float]]
) -> None:
    """With every estimate corrected downwards, use since the start is within burst and rate."""
    state, seconds, used_in_all = None, 0.0, 0
    for estimated, used, gap in calls:
        seconds += gap * bucket.seconds / bucket.units * bucket.burst
        estimate = max(1, round(estimated * bucket.burst))
        taken = take(bucket, state, after(seconds), estimate)
        state = taken.state
        if taken.wait:
            continue
        actual = round(used * estimate)
        used_in_all += actual
        state = correct(bucket, state, after(seconds), taken=estimate, used=actual)
        flowed = (after(seconds) - START) * bucket.units / (bucket.seconds * SECOND)
        assert used_in_all <= bucket.burst + flowed + 1e-3


def test_a_burst_passes_and_the_next_waits_for_one_unit() -> None:
    """Ten requests pass at once from a bucket of ten; the eleventh waits a second."""
    state, waits = None, []
    for _ in range(11):
        taken = take(SIXTY, state, START, 1)
        state = taken.state
        waits.append(taken.wait)
    assert waits == [0] * 10 + [SECOND]


def test_a_refusal_takes_nothing() -> None:
    """A bucket that said no stands where it stood, so retrying costs nothing."""
    empty = take(SIXTY, None, START, 10).state
    taken = take(SIXTY, empty, after(0.5), 1)
    assert (taken.state, taken.changed, taken.wait) == (empty, False, SECOND // 2)


def test_a_call_larger_than_the_bucket_passes_when_it_is_full_and_shuts_it() -> None:
    """Twenty from a bucket of ten pass at first, and the next request waits for the debt."""
    large = take(SIXTY, None, START, 20)
    again = take(SIXTY, large.state, START, 1)
    assert (large.wait, again.wait) == (0, 11 * SECOND)


def test_a_debt_is_forgiven_beyond_one_window() -> None:
    """A call of a thousand from sixty a minute shuts the bucket for a minute, not sixteen."""
    large = take(SIXTY, None, START, 1000)
    assert take(SIXTY, large.state, START, 1).wait == 60 * SECOND


def test_a_large_refused_call_does_not_shorten_the_debt() -> None:
    """Asking for much while the bucket is shut leaves the wait of a small call as it was."""
    shut = take(SIXTY, None, START, 1000).state
    asked = take(SIXTY, shut, START, 500).state
    assert take(SIXTY, asked, START, 1).wait == 60 * SECOND


def test_a_correction_upwards_is_taken_later() -> None:
    """A call that used more than it took leaves less for the next."""
    bucket = Bucket(units=100, seconds=60, burst=100)
    state = take(bucket, None, START, 50).state
    state = correct(bucket, state, START, taken=50, used=100)
    assert take(bucket, state, START, 10).wait == 6 * SECOND


@pytest.mark.parametrize("wrong", [{"units": 0}, {"seconds": 0}, {"burst": -1}])
def test_a_bucket_that_lets_nothing_pass_is_refused(wrong: dict[str, int]) -> None:
    """Zero or less in any of its numbers is no bucket."""
    with pytest.raises(ValueError, match="a rate limit counts from 1"):
        Bucket(**({"units": 1, "seconds": 1, "burst": 1} | wrong))
