"""JSON read in slices, between which others have the event loop."""

import asyncio
from dataclasses import replace
from typing import Final

from leash_addon.wire.asked import READ_BODY, Parsed
from leash_addon.wire.request_shapes import Body
from leash_addon.wire.slices import read_in_slices

LARGE: Final = 1024 * 1024
"""Bytes of a request that is read in slices."""


async def sliced(plain: bytes) -> Body | None:
    """Read a request; ``None``: it has to be read at once."""
    steps = read_in_slices(plain, READ_BODY)
    while True:
        await asyncio.sleep(0)
        try:
            next(steps)
        except StopIteration as end:
            found: Body | None = end.value
            return found


async def whole(parsed: Parsed) -> Parsed:
    """Return a request read anew, nothing of it known."""
    if parsed.known is None or len(parsed.plain) <= LARGE:
        return parsed.whole
    body = await sliced(parsed.plain)
    return parsed.whole if body is None else replace(parsed, body=body, known=None)
