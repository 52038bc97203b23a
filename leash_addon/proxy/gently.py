"""Reading a request without holding up the event loop, however large it is."""

import asyncio
from collections.abc import Mapping
from typing import Final

from leash_addon.proxy.screening import Screening
from leash_addon.wire.asked import READ_BODY, Parsed, knows_nothing, parse_request
from leash_addon.wire.known import Known
from leash_addon.wire.request_shapes import Body
from leash_addon.wire.routes import Route
from leash_addon.wire.slices import read_in_slices

LARGE: Final = 2 * 1024 * 1024
"""Bytes of a request that is read in slices."""


async def parse(
    screening: Screening | None, route: Route, headers: Mapping[str, str], body: bytes, url: str
) -> Parsed:
    """Read a request as ``parse_request`` does; between slices others have the loop.

    ``screening``: knows what has been read before.
    """
    recall = knows_nothing if screening is None else screening.recall
    if len(body) <= LARGE or route.free or "content-encoding" in headers:
        return parse_request(route, headers, body, url=url, recall=recall)
    known = recall(body)
    read = await _in_slices(body) if known is None else None

    def recalled(_: bytes) -> Known | None:
        return known

    return parse_request(route, headers, body, url=url, recall=recalled, read=read)


async def _in_slices(body: bytes) -> Body | None:
    steps = read_in_slices(body, READ_BODY)
    while True:
        await asyncio.sleep(0)
        try:
            next(steps)
        except StopIteration as end:
            found: Body | None = end.value
            return found
