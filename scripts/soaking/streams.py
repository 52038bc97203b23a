"""Many SSE streams at once through TLS, wave after wave, with the ledger on."""

import asyncio
import json
import random
import ssl
import time
from dataclasses import dataclass, field

from leash_addon.core.reading import Confidence
from scripts.chaosing.proxied import settled_calls
from scripts.chaosing.site import Site, site
from scripts.soaking.resident import watched

HOST = "api.openai.com"
RUN = "soak"
CHUNKS, GAP_MS = 10, 2_000
"""A stream is some twenty seconds of a slow reader's text."""

MOST_GROWTH = 0.05
DONE = b"data: [DONE]\n\n"


@dataclass(kw_only=True)
class Tally:
    """What all connections together have seen."""

    until: float
    streams: int = 0
    events: int = 0
    open: int = 0
    peak: int = 0
    errors: list[str] = field(default_factory=list)


async def _connect(
    port: int, trust: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection through CONNECT and TLS."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n"
    user = "c29hazp4"  # soak:x
    writer.write(f"{head}Proxy-Authorization: Basic {user}\r\n\r\n".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in answer.split(b"\r\n", 1)[0]:
        msg = f"CONNECT: {answer!r}"
        raise ConnectionError(msg)
    await writer.start_tls(trust, server_hostname=HOST)
    return reader, writer


def _request() -> bytes:
    body = json.dumps(
        {
            "model": "chaos",
            "stream": True,
            "max_tokens": 200,
            "messages": [{"role": "user", "content": "Go on, please."}],
        }
    )
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer sk-soak\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"x-fake-chunks: {CHUNKS}\r\nx-fake-gap-ms: {GAP_MS}\r\n\r\n{body}"
    ).encode()


async def _one(port: int, trust: ssl.SSLContext, tally: Tally, wait: float) -> None:
    """Read one stream after the other until the time is up."""
    await asyncio.sleep(wait)
    try:
        reader, writer = await _connect(port, trust)
        while time.monotonic() < tally.until:
            writer.write(_request())
            tally.open += 1
            tally.peak = max(tally.peak, tally.open)
            body = await _streamed(reader)
            tally.open -= 1
            tally.streams += 1
            tally.events += body.count(b"data: ")
            if not body.endswith(DONE) or body.count(b'"content":') < CHUNKS:
                tally.errors.append(f"a stream is not whole: {body[-200:]!r}")
        writer.close()
    except (OSError, ValueError, asyncio.IncompleteReadError) as error:
        tally.errors.append(repr(error))


async def _streamed(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        msg = f"{head!r}"
        raise ValueError(msg)
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return body


def streams(
    connections: int = 500, seconds: float = 180.0, warm: float = 60.0
) -> dict[str, object]:
    """Keep so many streams open for so long; ``warm``: seconds before memory is looked at."""
    with site() as made:
        return asyncio.run(_soak(made, connections, seconds, warm))


async def _soak(made: Site, connections: int, seconds: float, warm: float) -> dict[str, object]:
    leash = await made.serve("--max-cost", "1000")
    root = made.house.home / ".leash" / "ca" / "root.pem"
    trust = ssl.create_default_context(cafile=str(root))
    rng = random.Random(connections)  # noqa: S311 - when each begins
    ramp = CHUNKS * GAP_MS / 1000
    tally = Tally(until=time.monotonic() + ramp + seconds)
    async with watched(leash.pid) as memory, asyncio.TaskGroup() as clients:
        for _ in range(connections):
            clients.create_task(_one(leash.port, trust, tally, rng.random() * ramp))
    found = memory.growth(ramp + warm)
    ended = leash.end()
    with made.ledger() as ledger:
        balance, problems = ledger.balance(RUN), ledger.fsck()
        measured = settled_calls(ledger, RUN)[Confidence.MEASURED]
    counted = {
        "clients": tally.streams,
        "provider": made.provider.count,
        "opened": balance.calls,
        "settled": balance.settled,
        "measured": measured,
    }
    return {
        "streams_at_once": tally.peak,
        "seconds": seconds,
        "streams": tally.streams,
        "events": tally.events,
        "errors": len(tally.errors),
        "first_error": next(iter(tally.errors), None),
        "counted": counted,
        "open_calls_left": balance.open_calls,
        **found,
        "held": (ended, problems, tally.errors) == (0, [], [])
        and tally.peak == connections
        and len(set(counted.values())) == 1
        and (balance.open_calls, balance.held) == (0, 0)
        and float(str(found["rss_growth"])) < MOST_GROWTH,
    }
