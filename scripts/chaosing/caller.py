"""A client of ``leash serve`` as a base URL: one kept connection, calls one after the other.

It says by header what its call will come to (the fake provider obeys), so the sum of what it was
answered is the sum that the ledger must have.
"""

import asyncio
import json
from types import TracebackType
from typing import NamedTuple, Self

PRICES = {"chaos": {"input": 1, "output": 1}}
"""A dollar per million tokens: a token is a microdollar, ``world.TOKEN`` picodollars."""

OK, REFUSED, AWAY = 200, 429, 503
INPUT = 20
"""Tokens of input that the provider reports."""


class Answer(NamedTuple):
    """What came back. ``reason``: leash's own when it was a refusal, else empty."""

    status: int
    reason: str
    body: bytes


class Caller:
    """``async with Caller(port) as caller: await caller.call(...)``."""

    def __init__(self, port: int) -> None:
        """Connect to nothing yet."""
        self._port = port

    async def __aenter__(self) -> Self:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Hang up."""
        self._writer.close()

    async def call(
        self, run: str, *, output: int, most: int, delay_ms: int = 0, stream: bool = False
    ) -> Answer:
        """Make a call that may have ``most`` tokens of output and will have ``output``."""
        asked: dict[str, object] = {
            "model": "chaos",
            "max_tokens": most,
            "messages": [{"role": "user", "content": "Go on, please."}],
        }
        if stream:
            asked |= {"stream": True}
        body = json.dumps(asked)
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            "Content-Type: application/json\r\nAuthorization: Bearer sk-chaos\r\n"
            f"X-Loop-Id: {run}\r\nContent-Length: {len(body)}\r\nx-fake-delay-ms: {delay_ms}\r\n"
            f"x-fake-input-tokens: {INPUT}\r\nx-fake-output-tokens: {output}\r\n\r\n"
        )
        self._writer.write((head + body).encode())
        return await self._answer()

    async def _answer(self) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        first, *lines = head.splitlines()
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        if "content-length" in headers:
            body = await self._reader.readexactly(int(headers["content-length"]))
        else:
            body = b""
            while size := int(await self._reader.readuntil(b"\r\n"), 16):
                body += (await self._reader.readexactly(size + 2))[:-2]
            await self._reader.readexactly(2)
        return Answer(int(first.split()[1]), headers.get("x-leash-reason", ""), body)
