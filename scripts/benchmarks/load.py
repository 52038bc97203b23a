"""A load generator: keep-alive connections through a proxy, plain or through CONNECT and TLS.

Usage: python load.py --proxy 127.0.0.1:8080 --connections 16 --seconds 5 [--tls]
                      [--stream CHUNKS PERIOD]
Prints one JSON object: calls, errors, seconds, calls_per_second, p50_ms, p99_ms, events.
Events are counted, not chunks: a proxy may join chunks.
"""

import argparse
import asyncio
import json
import ssl
import time
from dataclasses import dataclass, field

BODY = (
    b'{"model":"gpt-4o-mini","max_tokens":16,"messages":[{"role":"user","content":'
    b'"Say ok and nothing else, please."}]}'
)
STREAM_BODY = BODY[:-1] + b',"stream":true,"stream_options":{"include_usage":true}}'


type Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Tally:
    """What all connections together have seen."""

    until: float
    times: list[float] = field(default_factory=list)
    errors: int = 0
    events: int = 0


async def connect(args: argparse.Namespace) -> Connection:
    """Open a connection to the proxy, through CONNECT and TLS when asked for."""
    host, port = args.proxy.rsplit(":", 1)
    reader, writer = await asyncio.open_connection(host, int(port), limit=1 << 20)
    if not args.tls:
        return reader, writer
    writer.write(b"CONNECT %b:443 HTTP/1.1\r\nHost: %b:443\r\n\r\n" % ((args.host.encode(),) * 2))
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        msg = f"CONNECT: {head!r}"
        raise ConnectionError(msg)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    await writer.start_tls(context, server_hostname=args.host)
    return reader, writer


async def answer(reader: asyncio.StreamReader) -> tuple[int, int]:
    """Read one whole answer; return its status and how many events it had."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        events = 0
        while size := int(await reader.readuntil(b"\r\n"), 16):
            events += (await reader.readexactly(size + 2)).count(b"data: ")
        await reader.readexactly(2)
        return status, events
    length = int(lower.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    await reader.readexactly(length)
    return status, 0


async def one_connection(args: argparse.Namespace, opened: Connection, tally: Tally) -> None:
    """Make call after call until the time is up."""
    body, query = BODY, ""
    if args.stream:
        body, query = STREAM_BODY, f"?chunks={args.stream[0]}&period={args.stream[1]}"
    target = f"/v1/chat/completions{query}"
    if not args.tls:
        target = f"http://{args.host}{target}"
    request = (
        f"POST {target} HTTP/1.1\r\nHost: {args.host}\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer sk-bench\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    reader, writer = opened
    while (begun := time.perf_counter()) < tally.until:
        writer.write(request)
        status, events = await answer(reader)
        tally.times.append(time.perf_counter() - begun)
        tally.events += events
        tally.errors += status != 200  # noqa: PLR2004 - HTTP OK
    writer.close()


async def main() -> None:
    """Run all connections and print the tally."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--proxy", required=True)
    parser.add_argument("--host", default="api.openai.com")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--stream", nargs=2, metavar=("CHUNKS", "PERIOD"))
    args = parser.parse_args()
    connections = await asyncio.gather(*(connect(args) for _ in range(args.connections)))
    begun = time.perf_counter()
    tally = Tally(until=begun + args.seconds)
    outcomes = await asyncio.gather(
        *(one_connection(args, opened, tally) for opened in connections), return_exceptions=True
    )
    broken = [repr(outcome) for outcome in outcomes if isinstance(outcome, BaseException)]
    took, times = time.perf_counter() - begun, sorted(tally.times)
    print(
        json.dumps(
            {
                "calls": len(times),
                "errors": tally.errors + len(broken),
                "first_error": broken[0] if broken else None,
                "seconds": round(took, 3),
                "calls_per_second": round(len(times) / took, 1),
                "p50_ms": round(1000 * times[len(times) // 2], 3) if times else None,
                "p99_ms": round(1000 * times[len(times) * 99 // 100], 3) if times else None,
                "events": tally.events,
                "events_per_second": round(tally.events / took, 1),
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
