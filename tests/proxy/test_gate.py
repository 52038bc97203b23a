"""The gate, and what slows those who guess."""

from dataclasses import dataclass

import pytest

from leash_addon.config.tokens import Grant, digest_of
from leash_addon.core.money import Instant
from leash_addon.proxy.gate import Gate
from leash_addon.proxy.refusals import Denial
from leash_addon.proxy.throttle import FREE_TRIES, KNOWN, LONGEST, MOST, Throttle, network_of

GOOD, BAD = b"leash_good_good_good_good", b"leash_bad"
GRANT = Grant(name="good", digest=digest_of(GOOD))
PEER = "192.0.2.7"


@dataclass
class Clock:
    """A clock that is set by hand, in seconds."""

    now: float = 1_000_000.0

    def __call__(self) -> Instant:
        """Return the time in microseconds."""
        return Instant(int(self.now * 1_000_000))


def status(found: Grant | Denial) -> int | None:
    """Return the status of a denial, 200 for a grant."""
    return found.status if isinstance(found, Denial) else 200


def test_the_right_token_enters_and_others_do_not() -> None:
    """A missing or wrong token gets the status that was asked for."""
    gate = Gate([GRANT], Clock())
    tried = [gate.enter(token, PEER, status=407) for token in (GOOD, BAD, None, b"")]
    assert [status(found) for found in tried] == [200, 407, 407, 407]


def test_a_token_ends_when_it_expires_or_is_taken_out() -> None:
    """Both hold at once: from the moment of expiry, and from the change on."""
    clock = Clock()
    other = Grant(name="other", digest=digest_of(b"other"), expires=Instant(clock() + 1_000_000))
    gate = Gate([GRANT, other], clock)
    before = [gate.find(grant.digest) for grant in (GRANT, other)]
    clock.now += 1
    expired = gate.find(other.digest)
    gate.change([])
    assert (before, expired, gate.find(GRANT.digest)) == ([GRANT, other], None, None)


def test_who_guesses_has_to_wait_longer_each_time() -> None:
    """After a few free tries an address waits 1, 2, 4 ... 60 seconds, right token or wrong."""
    clock, waits = Clock(), []
    gate = Gate([GRANT], clock)
    for _ in range(FREE_TRIES):
        assert status(gate.enter(BAD, PEER, status=401)) == 401
    for _ in range(8):
        slowed = gate.enter(GOOD, PEER, status=401)
        assert isinstance(slowed, Denial)
        waits.append(slowed.retry_after)
        clock.now += slowed.retry_after or 0
        assert status(gate.enter(BAD, PEER, status=401)) == 401
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_neighbour_who_guesses_shuts_nobody_out_who_was_in() -> None:
    """A token that was right from an address stays right there while somebody guesses."""
    gate = Gate([GRANT], Clock())
    gate.enter(GOOD, PEER, status=401)
    for _ in range(FREE_TRIES + 1):
        gate.enter(BAD, PEER, status=401)
    assert [status(gate.enter(token, PEER, status=401)) for token in (BAD, GOOD)] == [429, 200]


def test_another_address_does_not_wait() -> None:
    """Only the address that guesses is slowed."""
    gate = Gate([GRANT], Clock())
    for _ in range(FREE_TRIES):
        gate.enter(BAD, PEER, status=401)
    assert status(gate.enter(GOOD, "192.0.2.8", status=401)) == 200


def test_memory_is_bounded() -> None:
    """Neither addresses nor tokens are kept without end."""
    throttle = Throttle()
    for n in range(MOST + 10):
        throttle.failed(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", 0.0)
    for n in range(KNOWN + 5):
        throttle.passed(PEER, bytes([n]))
    assert len(throttle) == MOST
    assert throttle.wait(PEER, bytes([0]), 0.0) == 0.0
    assert LONGEST == 60.0


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("192.0.2.7", "192.0.2.7", id="version 4"),
        pytest.param("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::", id="its /64"),
        pytest.param("::ffff:192.0.2.7", "192.0.2.7", id="mapped"),
        pytest.param("fe80::1%eth0", "fe80::", id="with a zone"),
        pytest.param("", "", id="none"),
    ],
)
def test_an_address_stands_for_its_network(address: str, expected: str) -> None:
    """Whoever has a /64 has all of it, and cannot try from each of its addresses anew."""
    assert network_of(address) == expected
