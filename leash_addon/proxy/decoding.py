"""A content coding undone without holding up the event loop: few bytes may come to very many."""

import asyncio
from collections.abc import Mapping
from typing import Final

from leash_addon.wire.asked import plain_body

CODED: Final = 2048
"""Coded bytes that are decoded in a thread: they may come to a thousand times as many."""


async def decoded(headers: Mapping[str, str], body: bytes) -> tuple[bytes, str | None]:
    """Return what ``plain_body`` does. ``headers``: names in lower case."""
    if "content-encoding" in headers and len(body) > CODED:
        return await asyncio.to_thread(plain_body, headers, body)
    return plain_body(headers, body)
