"""A governed proxy over real sockets, a real ledger and a provider that the test scripts."""

import asyncio
import json
import random
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
from cryptography.hazmat.primitives import serialization

from leash_addon.config.packs import load_providers
from leash_addon.config.prices import load_prices
from leash_addon.core.journal import CallRefused, CallSettled
from leash_addon.core.limits import NO_LIMITS, Limits
from leash_addon.core.money import Instant
from leash_addon.core.terms import NO_TERMS, Terms
from leash_addon.ledger import Ledger, LedgerWriter, open_ledger
from leash_addon.proxy.addon import LeashAddon
from leash_addon.proxy.ca import Authority, open_authority
from leash_addon.proxy.certs import LeafStore, utc_now
from leash_addon.proxy.clients import load_clients
from leash_addon.proxy.governor import Governor
from leash_addon.proxy.keys import Keys
from leash_addon.proxy.master import Proxy
from leash_addon.proxy.policy import Policy
from leash_addon.proxy.screening import Screening

RUN = "a3f9c2e1"
MASTER = bytes(range(32))
"""The master key that providers' keys are sealed under."""

PRICES = {"tiny": {"input": 1000, "output": 1000}}
"""A call of the usual answer below, 10 tokens in and 15 out, costs 2.5 cents."""


def chat_answer(prompt: int = 10, completion: int = 15) -> bytes:
    """Return a chat completion with usage."""
    message = {"role": "assistant", "content": "hello"}
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": "tiny",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
            },
        }
    ).encode()


def chat_events(*, usage: bool = True) -> list[bytes]:
    """Return the events of a streamed chat completion."""
    head = {"id": "c1", "object": "chat.completion.chunk", "model": "tiny"}
    pieces = [
        head | {"choices": [{"index": 0, "delta": {"content": "hel"}, "finish_reason": None}]},
        head | {"choices": [{"index": 0, "delta": {"content": "lo"}, "finish_reason": None}]},
        head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    if usage:
        counts = {"prompt_tokens": 10, "completion_tokens": 15, "total_tokens": 25}
        pieces.append(head | {"choices": [], "usage": counts})
    return [b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces] + [
        b"data: [DONE]\n\n"
    ]


@dataclass(kw_only=True)
class Request:
    """One request as the provider got it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


type Answer = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


async def answer_json(
    writer: asyncio.StreamWriter, body: bytes, status: str = "200 OK", extra: str = ""
) -> None:
    """Write a JSON answer."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{extra}"
    writer.write(head.encode() + f"content-length: {len(body)}\r\n\r\n".encode() + body)
    await writer.drain()


async def begin_events(writer: asyncio.StreamWriter) -> None:
    """Write the head of an event stream in chunks."""
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    )
    await writer.drain()


async def send_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Write one chunk; an empty one ends the body."""
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


async def usual(_: Request, writer: asyncio.StreamWriter) -> None:
    """Answer a chat call at 2.5 cents."""
    await answer_json(writer, chat_answer())


@dataclass(kw_only=True)
class Provider:
    """A scripted provider: what it got, and how it answers."""

    answer: Answer = usual
    requests: list[Request] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer every request of one connection."""
        try:
            while (request := await read_request(reader)) is not None:
                self.requests.append(request)
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                try:
                    await self.answer(request, writer)
                finally:
                    self.at_once -= 1
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read one HTTP/1.1 request with a sized or chunked body."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    method, path, _ = head[0].split(" ")
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    if headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    return Request(method=method, path=path, headers=headers, body=body)


@dataclass(kw_only=True)
class World:
    """A proxy that governs one run, the provider behind it, and the ledger under it."""

    proxy: Proxy
    addon: LeashAddon
    provider: Provider
    authority: Authority
    provider_root: Path
    ledger: Ledger
    writer: LedgerWriter
    port: int

    @property
    def trust(self) -> ssl.SSLContext:
        """Trust the proxy's authority and nothing else."""
        return ssl.create_default_context(cadata=self.authority.root_pem.decode())

    def client(self, *, user: str = RUN, **options: object) -> httpx.AsyncClient:
        """Return a client that goes through the proxy."""
        proxy = f"http://{user}:secret@127.0.0.1:{self.port}"
        return httpx.AsyncClient(proxy=proxy, verify=self.trust, timeout=60, **options)  # type: ignore[arg-type]

    async def chat(self, client: httpx.AsyncClient, **body: object) -> httpx.Response:
        """Make one chat call."""
        whole = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}], **body}
        return await client.post("https://api.openai.com/v1/chat/completions", json=whole)

    async def settled(self, run: str = RUN) -> list[CallSettled]:
        """Return the settlements of a run, once everything is written."""
        await self.writer.drain()
        entries = [entry for _, entry in self.ledger.entries(run)]
        return [entry for entry in entries if isinstance(entry, CallSettled)]

    async def refused(self, run: str = RUN) -> list[CallRefused]:
        """Return the journaled refusals of a run."""
        await self.writer.drain()
        entries = [entry for _, entry in self.ledger.entries(run)]
        return [entry for entry in entries if isinstance(entry, CallRefused)]

    async def connected(
        self, host: str, *, sni: str | None = None, trust: ssl.SSLContext | None = None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a TLS connection through a CONNECT."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        name = sni or host.partition(":")[0]
        await writer.start_tls(trust or self.trust, server_hostname=name)
        return reader, writer


def clock() -> Instant:
    """Return the time in microseconds."""
    return Instant(time.time_ns() // 1000)


async def until(claim: Callable[[], bool]) -> None:
    """Wait for something that must come true soon."""
    async with asyncio.timeout(60):
        while not claim():  # noqa: ASYNC110 - whatever the test looks at
            await asyncio.sleep(0.005)


def tls_of(authority: Authority, host: str, directory: Path) -> ssl.SSLContext:
    """Return a server's TLS context with a leaf of an authority."""
    entry = LeafStore(authority, utc_now).leaf(host)
    key = entry.privatekey.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    chain = directory / "server.pem"
    public = authority.intermediate.public_bytes(serialization.Encoding.PEM)
    chain.write_bytes(key + entry.cert.to_pem() + public)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context


@asynccontextmanager
async def make_world(
    tmp_path: Path,
    *,
    limits: Limits = NO_LIMITS,
    answer: Answer = usual,
    policy: Policy | None = None,
    upstream: str = "https",
    remarks: bool = False,
    terms: Terms = NO_TERMS,
    url: str | None = None,
    screening: Screening | None = None,
) -> AsyncIterator[World]:
    """Run a proxy over a scripted provider, or over the one at ``url``."""
    provider = Provider(answer=answer)
    theirs = open_authority(tmp_path / "their-ca", ["localhost"], utc_now())
    context = tls_of(theirs, "localhost", tmp_path) if upstream == "https" else None
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, ssl=context, backlog=512)
    provider.port = server.sockets[0].getsockname()[1]
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps(PRICES))
    rules = load_providers()
    authority = open_authority(tmp_path / "ca", [*rules.hosts, *rules.patterns], utc_now())
    ledger = open_ledger(tmp_path / "leash.db", terms=terms)
    writer = LedgerWriter(ledger, clock=clock, rng=random.Random(7))  # noqa: S311
    await writer.start()
    wanted = policy or Policy(run=RUN)
    server_url = url or f"{upstream}://localhost:{provider.port}"
    wanted = replace(wanted, upstream=server_url, holds=terms.holds)
    if wanted.run is not None:
        await writer.start_run(wanted.run, limits)
    governor = Governor(ledger=writer, prices=load_prices(prices), policy=wanted, clock=clock)
    keys = Keys(writer, rules, wanted, master=lambda: MASTER, clock=clock)
    addon = LeashAddon(
        governor, rules, load_clients(), remarks=remarks, keys=keys, screening=screening
    )
    proxy = Proxy(addon, authority, upstream_roots=theirs.root_file)
    async with server, proxy:
        yield World(
            proxy=proxy,
            addon=addon,
            provider=provider,
            authority=authority,
            provider_root=theirs.root_file,
            ledger=ledger,
            writer=writer,
            port=proxy.port,
        )
    await writer.close()


type MakeWorld = Callable[..., AbstractAsyncContextManager[World]]
