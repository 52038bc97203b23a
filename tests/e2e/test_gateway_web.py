"""mitmweb's interface and the transparent port beside a shared proxy: the real server."""

import asyncio
import json
import re
import socket
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from leash_addon.cli.fakeprovider import FakeProvider
from tests.e2e.gateway import MASTER, basic, gateway
from tests.e2e.house import House
from tests.e2e.nursery import Nursery


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@pytest.mark.asyncio
async def test_flows_are_shown_to_the_bearer_of_its_token_and_show_none_of_ours(
    tmp_path: Path, nursery: Nursery, fake: FakeProvider
) -> None:
    """The call stands in mitmweb with what it cost; leash's token does not, nor in its log."""
    web, transparent = str(free_port()), str(free_port())
    flags = ("--web", web, "--transparent", transparent, "--log-level", "debug")
    gate = await gateway(tmp_path, nursery, fake, *flags)
    while "inspect at" not in gate.log_text():  # noqa: ASYNC110 - another process writes
        await asyncio.sleep(0.05)
    told = re.findall(r"\?token=(\w+)", gate.log_text())
    answer = await gate.chat(
        x_leash_token=MASTER, x_loop_id="seen", proxy_authorization=basic("seen", MASTER)
    )
    async with httpx.AsyncClient(trust_env=False) as client:
        closed = await client.get(f"http://127.0.0.1:{web}/flows")
        opened = await client.get(f"http://127.0.0.1:{web}/flows?token={told[0]}")
    flows = json.loads(opened.text)
    assert (answer.status, closed.status_code, opened.status_code) == (200, 403, 200)
    assert [flow["request"]["path"] for flow in flows] == ["/v1/chat/completions"]
    assert "run seen" in flows[0]["comment"]
    assert (MASTER in opened.text, MASTER in gate.log_text()) == (False, False)
    assert len(re.findall(told[0], gate.log_text())) == len(told)  # said at the start, not again
    while "/flows?token=***" not in gate.log_text():  # noqa: ASYNC110 - another process writes
        await asyncio.sleep(0.05)
    async with gate.wire(int(transparent)) as wire:  # nobody redirected this one
        wire.writer.write(b"GET / HTTP/1.1\r\nhost: api.openai.com\r\n\r\n")
        with suppress(ConnectionResetError):
            assert await wire.reader.read() == b""
    assert gate.leash.end() == 0


@pytest.mark.parametrize(
    ("flags", "complaint", "code"),
    [
        pytest.param(("--web", "0.0.0.0:8081"), "--web: 0.0.0.0 is not loopback", 2, id="open"),
        pytest.param(("--web", "x"), "--web: '127.0.0.1:x' is no address", 2, id="no port"),
        pytest.param(("--web", "8081", "--workers", "2"), "--web: shows the flows", 2, id="two"),
        pytest.param(("--socks5", "0.0.0.0:1080"), "is not loopback", 2, id="open SOCKS"),
        pytest.param(("--transparent", "0.0.0.0:1080"), "is not loopback", 2, id="open port"),
        pytest.param(("--socks5", "{taken}"), "cannot listen on", 125, id="taken SOCKS"),
        pytest.param(("--web", "{taken}"), "failed to listen on", 125, id="taken web"),
    ],
)
def test_what_may_not_be_opened_is_said(
    house: House, flags: tuple[str, ...], complaint: str, code: int
) -> None:
    """Each further port is held to the rules of the first, and nothing is served."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        words = [flag.format(taken=port) for flag in flags]
        done = house.leash("serve", "--insecure", "--listen", "127.0.0.1:0", *words)
    assert (done.code, complaint in done.err) == (code, True), done.err
    assert "Traceback" not in done.err
