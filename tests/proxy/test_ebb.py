"""Memory is given back when many connections have gone, and only then."""

import asyncio
import threading

import pytest

from leash_addon.proxy.ebb import MANY, Ebb, trim


@pytest.mark.parametrize(
    ("counts", "passes"),
    [
        pytest.param([0, 9, 0, 9, 0], 0, id="few"),
        pytest.param([3 * MANY, 2 * MANY, 3 * MANY], 0, id="most stay"),
        pytest.param([4 * MANY, 0, 0, 0], 1, id="a wave"),
        pytest.param([4 * MANY, 2 * MANY, MANY, 0], 3, id="bit by bit"),
    ],
)
@pytest.mark.asyncio
async def test_memory_is_given_back_after_a_wave(counts: list[int], passes: int) -> None:
    """As many passes as the ebb is deep; the event loop waits for none to hand pages back."""
    given: list[int] = []
    done = threading.Event()

    def give_back() -> None:
        given.append(threading.get_ident())
        trim()
        done.set()

    ebb = Ebb(give_back)
    assert sum(ebb.look(count) for count in counts) == passes
    if passes:
        await asyncio.to_thread(done.wait, 10)
        assert threading.get_ident() not in given
