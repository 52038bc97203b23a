"""How long clients may take, how many there may be, and what is told of both."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.proxy.crowd import Crowd, Full, Room, room_for
from leash_addon.proxy.patience import ENDLESS, PROGRESS, Deadlines, Patience, Phase
from leash_addon.proxy.tally import Tally

PATIENCE = Patience(head=30, body=60, idle=300)
PHASES = st.one_of(st.none(), st.sampled_from(Phase))
STEPS = st.lists(st.tuples(st.integers(0, 5), PHASES, st.integers(0, 100)), max_size=40)


@pytest.mark.parametrize(
    ("phase", "seconds"),
    [(Phase.SILENT, 30), (Phase.HEAD, 30), (Phase.BODY, 60), (Phase.IDLE, 300)],
    ids=lambda each: getattr(each, "name", None),
)
def test_a_wait_is_over_when_its_time_is(phase: Phase, seconds: int) -> None:
    """Not a moment before, and once."""
    deadlines = Deadlines(PATIENCE)
    deadlines.enter("a", phase, 100)
    assert deadlines.late(100 + seconds - 0.1, 9) == []
    assert deadlines.late(100 + seconds, 9) == [("a", phase)]
    assert (deadlines.late(10_000, 9), len(deadlines)) == ([], 0)


def test_bytes_of_a_head_buy_no_time() -> None:
    """A head that trickles is late when its first byte is old."""
    deadlines = Deadlines(PATIENCE)
    for now in range(30):
        deadlines.enter("a", Phase.HEAD, now)
        deadlines.came("a", PROGRESS, now)
    assert deadlines.late(30, 9) == [("a", Phase.HEAD)]


@pytest.mark.parametrize(("size", "late"), [(PROGRESS, 0), (PROGRESS // 60, 1)], ids=["kB", "few"])
def test_a_body_lives_on_its_progress(size: int, late: int) -> None:
    """A kilobyte a minute is progress; less is none."""
    deadlines = Deadlines(PATIENCE)
    deadlines.enter("a", Phase.BODY, 0)
    for now in range(0, 120, 2):
        deadlines.came("a", size if now % 30 == 0 else 0, now)
    assert len(deadlines.late(120, 9)) == late


def test_zero_waits_for_ever() -> None:
    """Who has all the time is not even kept in mind."""
    deadlines = Deadlines(ENDLESS)
    deadlines.enter("a", Phase.IDLE, 0)
    assert (deadlines.late(1e9, 9), len(deadlines)) == ([], 0)


@given(STEPS)
def test_the_late_are_those_of_the_last_phase(steps: list[tuple[int, Phase | None, int]]) -> None:
    """Whatever happened, it is the last phase that was entered anew which counts."""
    deadlines, now = Deadlines(PATIENCE), 0
    last: dict[int, tuple[Phase | None, int]] = {}
    for key, phase, after in steps:
        now += after
        deadlines.enter(key, phase, now)
        if last.get(key, (None, 0))[0] is not phase:
            last[key] = (phase, now)
    over = {
        (key, phase)
        for key, (phase, since) in last.items()
        if phase is not None and since + PATIENCE.of(phase) <= now + 50
    }
    assert set(deadlines.late(now + 50, 99)) == over


def test_a_share_of_a_crowd_is_for_one_address() -> None:
    """An address, or the network of one of version 6, is full before the whole is."""
    crowd = Crowd(Room(in_all=3, from_one=2), exempt=lambda address: address == "10.0.0.1")
    for address in ("2001:db8::1", "2001:db8::2"):
        assert crowd.full(address) is None
        crowd.enter(address)
    assert (crowd.full("2001:db8::3"), crowd.full("192.0.2.1")) == (Full.ONE, None)
    crowd.enter("10.0.0.1")
    assert crowd.full("192.0.2.1") is Full.ALL
    crowd.leave("2001:db8::1")
    assert (crowd.full("2001:db8::3"), crowd.count) == (None, 2)


def test_a_balancer_has_no_share() -> None:
    """Who speaks for many is bound by the whole alone."""
    crowd = Crowd(Room(in_all=9, from_one=1), exempt=lambda address: address == "10.0.0.1")
    crowd.enter("10.0.0.1")
    assert crowd.full("10.0.0.1") is None


@pytest.mark.parametrize(
    ("descriptors", "asked", "room"),
    [
        pytest.param(1 << 20, {}, Room(in_all=20_000, from_one=5_000), id="plenty"),
        pytest.param(4_096, {}, Room(in_all=1_920, from_one=480), id="few"),
        pytest.param(100, {}, Room(in_all=16, from_one=16), id="hardly any"),
        pytest.param(0, {}, Room(in_all=20_000, from_one=5_000), id="unknown"),
        pytest.param(4_096, {"in_all": 9_000}, Room(in_all=9_000, from_one=2_250), id="in all"),
        pytest.param(4_096, {"from_one": 9}, Room(in_all=1_920, from_one=9), id="from one"),
    ],
)
def test_room_is_what_descriptors_allow(
    descriptors: int, asked: dict[str, int], room: Room
) -> None:
    """A connection needs two of them, unless somebody knows better."""
    wishes = {"in_all": None, "from_one": None} | asked
    assert room_for(descriptors, **wishes) == room


def test_a_flood_is_one_line_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """The first is told at once, the rest together."""
    tally = Tally(logging.getLogger("flood"))
    for now in range(100):
        tally.note(logging.WARNING, "turned away")
        tally.tell(now)
    assert caplog.messages == ["turned away: 1", "turned away: 60"]
