"""A provider that answers at once: the least work an upstream can do, so that a proxy is measured.

Usage: python upstream.py PORT [--tls CERT KEY]

POST /v1/chat/completions answers a chat completion with usage; with ``"stream": true`` in the
body it streams CHUNKS events, one every PERIOD seconds, both from the query
(``?chunks=50&period=0.02``).
"""

import argparse
import asyncio
import ssl
from typing import cast, override
from urllib.parse import parse_qs, urlsplit

REPLY = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-mini","choices":'
    b'[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":'
    b'{"prompt_tokens":20,"completion_tokens":2,"total_tokens":22}}'
)
WHOLE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(REPLY)
) + REPLY
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
)
DELTA = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini",'
    b'"choices":[{"index":0,"delta":{"content":"some words of text "},"finish_reason":null}]}\n\n'
)
LAST = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini",'
    b'"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":50,"total_tokens":70}}\n\n'
    b"data: [DONE]\n\n"
)


def chunked(data: bytes) -> bytes:
    """Frame one HTTP/1.1 chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Provider(asyncio.Protocol):
    """Reads requests with a Content-Length and answers each; keeps the connection open."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self.seen = b""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    @override
    def data_received(self, data: bytes) -> None:
        self.seen += data
        while (head_end := self.seen.find(b"\r\n\r\n")) >= 0:
            head = self.seen[:head_end]
            start = head.lower().find(b"content-length:")
            length = int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0
            end = head_end + 4 + length
            if len(self.seen) < end:
                return
            body, self.seen = self.seen[head_end + 4 : end], self.seen[end:]
            self.answer(head.split(b" ", 2)[1].decode(), body)

    def answer(self, target: str, body: bytes) -> None:
        """Answer at once, or start a stream."""
        if b'"stream":true' not in body:
            self.transport.write(WHOLE)
            return
        query = parse_qs(urlsplit(target).query)
        chunks, period = int(query.get("chunks", ["50"])[0]), float(query.get("period", ["0"])[0])
        self.task = asyncio.ensure_future(self.stream(chunks, period))

    async def stream(self, chunks: int, period: float) -> None:
        """Send the events, then the usage and the end."""
        self.transport.write(STREAM_HEAD)
        for _ in range(chunks):
            if self.transport.is_closing():
                return
            self.transport.write(chunked(DELTA))
            await asyncio.sleep(period)
        self.transport.write(chunked(LAST) + b"0\r\n\r\n")


async def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    args = parser.parse_args()
    context = None
    if args.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*args.tls)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Provider, "127.0.0.1", args.port, ssl=context, backlog=1024)
    print("ready", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
