"""The thread in which a ledger across a network works."""

import asyncio

from leash_addon.ledger.lane import OneThread


async def a_lane() -> OneThread:
    """Make a lane of a loop that ends with this."""
    return OneThread()


def test_what_is_told_to_a_loop_that_has_ended_is_dropped() -> None:
    """Work that outlives its loop raises nothing in its thread, and nobody is told."""
    told: list[str] = []
    asyncio.run(a_lane()).on_loop(told.append)("too late")
    assert told == []
