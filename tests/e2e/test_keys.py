"""The real key is in nothing that leash wrote or served, with everything logged that can be."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.e2e.house import House
from tests.e2e.nursery import Nursery
from tests.e2e.serving import serving
from tests.proxy.test_stock import free_port

REAL = "sk-real-0123456789abcdefghijklmnop"
NOT_READY = 503
PATH = "/v1/chat/completions"
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
SCRIPT = Path(__file__).parents[2] / "leash_addon" / "proxy" / "script.py"
MITMWEB = "import sys; from mitmproxy.tools.main import mitmweb; sys.exit(mitmweb())"
MITMDUMP = MITMWEB.replace("mitmweb", "mitmdump")

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def echoing() -> AsyncIterator[tuple[str, list[str]]]:
    """Run a provider that answers with everything it was asked; yield its address and that."""
    got: list[str] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        got.append(head)
        sent = re.search(r"(?i)authorization: (.*)\r\n", head)
        body = head.encode()
        writer.write(
            b"HTTP/1.1 500 Oops\r\nconnection: close\r\n"
            + (f"x-echo: {sent[1]}\r\n" if sent else "").encode()
            + b"content-length: %d\r\n\r\n" % len(body)
            + body
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", got


def add(house: House) -> str:
    """Add a virtual key; return it."""
    done = subprocess.run(
        [sys.executable, "-m", "leash_addon", "keys", "add", "openai", "--name", "team-a"],
        input=REAL,
        env=house.env | {"PYTHONPATH": str(SCRIPT.parents[2])},
        cwd=house.work,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


async def call(port: int, token: str) -> httpx.Response:
    """Make a call as a base-URL client does."""
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        url = f"http://127.0.0.1:{port}{PATH}"
        return await client.post(url, json=QUESTION, headers={"authorization": f"Bearer {token}"})


def written(house: House) -> dict[str, tuple[bool, bool]]:
    """Tell of each file in the house whether it has the real key, and a part of one, in it."""
    files = [path for path in house.root.rglob("*") if path.is_file()]
    kept = {str(path.relative_to(house.root)): path.read_bytes() for path in files}
    return {
        name: (REAL.encode() in raw, REAL[10:].encode() in raw)
        for name, raw in kept.items()
        if REAL[10:].encode() in raw
    }


async def test_serve_writes_and_serves_no_real_key(house: House, nursery: Nursery) -> None:
    """At debug level, with a provider that echoes, neither key is in any file or answer."""
    async with echoing() as (address, got):
        house.extra["LEASH_UPSTREAM"] = address
        token = add(house)
        leash = await serving(house, nursery, "--log-level", "debug")
        answers = [await call(leash.port, token), await call(leash.port, token[:-1])]
        house.leash("keys", "revoke", "team-a")
        answers.append(await call(leash.port, token))
        assert leash.end() == 0
    assert [answer.status_code for answer in answers] == [500, 401, 401]
    assert [REAL in head for head in got] == [True]
    shown = "".join(f"{answer.headers} {answer.text}" for answer in answers)
    assert (REAL in shown, "*" * len(REAL) in shown) == (False, True)
    assert written(house) == {}
    kept = b"".join(path.read_bytes() for path in house.root.rglob("*") if path.is_file())
    assert token.encode() not in kept


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(MITMDUMP, id="mitmdump", marks=pytest.mark.long),
        pytest.param(MITMWEB, id="mitmweb"),
    ],
)
async def test_stock_mitmproxy_shows_no_real_key(program: str, house: House) -> None:
    """Neither a flow dump, nor the log at its longest, nor mitmweb's pages have the key."""
    async with echoing() as (address, got):
        house.extra |= {"LEASH_UPSTREAM": address, "LEASH_MAX_COST": "5"}
        token = add(house)
        web = free_port()
        log = (house.root / "log").open("wb")
        settings = ("listen_host=127.0.0.1", "listen_port=0", "save_stream_file=flows.mitm")
        settings += (
            (f"web_port={web}", "web_password=x", "web_open_browser=false")
            if program == MITMWEB
            else ("flow_detail=4", "termlog_verbosity=debug")
        )
        flags = [part for each in settings for part in ("--set", each)]
        made = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", program, "-s", str(SCRIPT), *flags),
            cwd=house.work,
            env=house.env | {"PYTHONUNBUFFERED": "1"},
            stdout=log,
            stderr=log,
        )
        try:
            port = await asyncio.to_thread(said, house, r"proxy listening at \S*?:(\d+)")
            answer = await ready(port, token)
            shown = answer.text
            if program == MITMWEB:
                shown += await pages(web)
        finally:
            made.terminate()
            await made.wait()
            log.close()
    assert (answer.status_code, [REAL in head for head in got]) == (500, [True])
    assert (REAL in shown, REAL[10:] in shown) == (False, False)
    assert written(house) == {}
    assert (house.work / "flows.mitm").stat().st_size > 0


def said(house: House, pattern: str) -> int:
    """Wait for a line in the log; return the port in it."""
    assert house.until(lambda: bool(re.search(pattern, (house.root / "log").read_text())))
    found = re.search(pattern, (house.root / "log").read_text())
    assert found is not None
    return int(found[1])


async def ready(port: int, token: str) -> httpx.Response:
    """Call until leash stands; return its first answer then."""
    async with asyncio.timeout(60):
        while True:
            answer = await call(port, token)
            if answer.status_code != NOT_READY:
                return answer
            await asyncio.sleep(0.1)


async def pages(port: int) -> str:
    """Return everything that mitmweb tells of its flows."""
    async with httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{port}") as web:
        flows = await web.get("/flows?token=x")
        parts = [
            f"/flows/{flow['id']}/request/content.data?token=x"  # answers are not kept
            for flow in flows.json()
        ]
        rest = [await web.get(part) for part in (*parts, "/flows/dump?token=x")]
    assert {each.status_code for each in rest} == {200}
    return flows.text + "".join(each.content.decode("latin-1") for each in rest)
