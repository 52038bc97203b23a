"""A shared proxy as an operator runs it, and clients that speak to it byte by byte."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from leash_addon.cli.fakeprovider import FakeProvider
from leash_addon.config.tokens import shown_hash
from tests.e2e.house import House, Json
from tests.e2e.nursery import Nursery
from tests.e2e.provider import url_of
from tests.e2e.serving import Serving, serving

MASTER = "leash_master_0123456789abcdef"
TEAM = "leash_team_0123456789abcdefgh"
OLD = "leash_old_0123456789abcdefghi"
RIVAL = "leash_rival_0123456789abcdef"
CHAT = "/v1/chat/completions"
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}

TOKENS = f"""
trusted_balancers = ["127.0.0.1"]
[[token]]
name = "team"
hash = "{shown_hash(TEAM)}"
tenant = "acme"
tags = {{ user = ["alice", "bob-*"], feature = "search" }}

[[token]]
name = "old"
hash = "{shown_hash(OLD)}"
expires = 2020-01-01

[[token]]
name = "rival"
hash = "{shown_hash(RIVAL)}"
tenant = "rival"
"""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        """Read its body."""
        found: Json = json.loads(self.body)
        return found

    @property
    def reason(self) -> str:
        """Return leash's reason for a refusal."""
        return self.headers.get("x-leash-reason", "")


@dataclass(kw_only=True)
class Wire:
    """One connection to the proxy; requests go one after the other."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, head: str, body: bytes = b"", **headers: str) -> Answer:
        """Send a request whose first line is ``head``, without its version."""
        lines = [f"{head} HTTP/1.1"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if "host" not in headers:
            lines.append("host: gateway:8088")
        lines.append(f"content-length: {len(body)}")
        return await self.send(
            "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body
        )

    async def send(self, raw: bytes) -> Answer:
        """Send bytes and read one answer."""
        self.writer.write(raw)
        await self.writer.drain()
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:] if line)
        }
        status = int(head[0].split(" ")[1])
        body = b""
        if "content-length" in headers:
            body = await self.reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            while size := int(await self.reader.readline(), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readline()
            await self.reader.readline()
        return Answer(status=status, headers=headers, body=body)


@dataclass(frozen=True, kw_only=True)
class Gateway:
    """A running ``leash serve``, the home that it lives in, and the provider behind it."""

    leash: Serving
    house: House
    fake: FakeProvider
    file: Path
    log: Path
    _address: Iterator[int] = field(default_factory=count)

    @asynccontextmanager
    async def wire(self, port: int = 0) -> AsyncIterator[Wire]:
        """Open a connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port or self.leash.port)
        try:
            yield Wire(reader=reader, writer=writer)
        finally:
            writer.close()

    async def chat(self, path: str = CHAT, **headers: str) -> Answer:
        """Make one call by base URL, on a connection and from an address of its own."""
        if "x_forwarded_for" not in headers:
            headers["x_forwarded_for"] = f"192.0.2.{next(self._address) % 256}"
        async with self.wire() as wire:
            body = json.dumps(QUESTION).encode()
            return await wire.ask(f"POST {path}", body, content_type="application/json", **headers)

    async def connect(self, where: str, **headers: str) -> Answer:
        """Ask for a tunnel."""
        async with self.wire() as wire:
            return await wire.ask(f"CONNECT {where}", **headers)

    def log_text(self) -> str:
        """Return everything that the proxy has written."""
        return self.log.read_text()


def basic(user: str, password: str | bytes) -> str:
    """Write a Basic credential."""
    raw = password.encode() if isinstance(password, str) else password
    return "Basic " + base64.b64encode(user.encode() + b":" + raw).decode()


async def gateway(
    root: Path, nursery: Nursery, fake: FakeProvider, *flags: str, toml: str = TOKENS, **env: str
) -> Gateway:
    """Serve for the bearers of tokens."""
    variables = {"LEASH_UPSTREAM": url_of(fake), "LEASH_AUTH_TOKEN": MASTER, **env}
    house = House(root=root, extra={k: v for k, v in variables.items() if v}, nursery=nursery)
    file = house.work / "leash.toml"
    file.write_text(toml)
    leash = await serving(house, nursery, "--config", str(file), *flags)
    log = next(path for path in house.root.glob("serve-*") if str(leash.port) in path.read_text())
    return Gateway(leash=leash, house=house, fake=fake, file=file, log=log)
