"""Reading a request without holding up the event loop, however large it is."""

import asyncio
from collections.abc import Mapping
from typing import Final

from leash_addon.proxy.decoding import decoded
from leash_addon.proxy.screening import Screening
from leash_addon.proxy.sliced import LARGE, sliced
from leash_addon.wire.asked import Parsed, knows_nothing, parse_request
from leash_addon.wire.known import Known
from leash_addon.wire.routes import Route

SOME: Final = 256 * 1024
"""Bytes after whose arrival others have the loop first: taking them in has held it already."""


async def parse(
    screening: Screening | None, route: Route, headers: Mapping[str, str], body: bytes, url: str
) -> Parsed:
    """Read a request as ``parse_request`` does; between slices others have the loop.

    ``screening``: knows what has been read before.
    """
    if len(body) > SOME:
        await asyncio.sleep(0)
    recall = knows_nothing if screening is None else screening.recall
    read_as = await decoded(headers, body)
    plain, broken = read_as
    if len(plain) <= LARGE or route.free or broken is not None:
        return parse_request(route, headers, body, url=url, recall=recall, decoded=read_as)
    known = recall(plain)
    read = await sliced(plain) if known is None else None

    def recalled(_: bytes) -> Known | None:
        return known

    return parse_request(route, headers, body, url=url, recall=recalled, read=read, decoded=read_as)
