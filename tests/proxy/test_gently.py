"""Large requests are read without holding up the event loop."""

import asyncio
import gzip
import json

import msgspec
import pytest

from leash_addon.core.part import Part
from leash_addon.core.screening import Action
from leash_addon.proxy import look
from leash_addon.proxy.gently import parse
from leash_addon.proxy.sliced import LARGE, whole
from leash_addon.wire.asked import parse_request
from leash_addon.wire.routes import Route
from leash_addon.wire.slices import SLICE
from tests.proxy.test_screening import BAD, OPENAI, screening
from tests.proxy.world import MakeWorld

pytestmark = pytest.mark.asyncio

CHAT = Route(provider="openai", format="openai.chat")
SAID = {"role": "user", "content": "word " * 2_000}
HISTORY = [SAID] * (2 * LARGE // 10_000)
BODY = json.dumps({"model": "tiny", "messages": HISTORY, "max_tokens": 9}).encode()


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({}, BODY, id="large"),
        pytest.param({}, BODY[:-1], id="large and broken"),
        pytest.param({"content-encoding": "gzip"}, gzip.compress(BODY), id="coded"),
        pytest.param({}, b'{"model":"m","messages":[{"role":"user"}]}', id="small"),
    ],
)
async def test_a_request_is_read_alike(headers: dict[str, str], body: bytes) -> None:
    """Read at once or in slices, a request asks for the same and has the same members."""
    gently = await parse(None, CHAT, headers, body, OPENAI)
    at_once = parse_request(CHAT, headers, body, url=OPENAI)
    assert gently.asked == at_once.asked
    assert msgspec.json.encode(gently.body) == msgspec.json.encode(at_once.body)


@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_others_have_the_loop_meanwhile(coding: str) -> None:
    """Between two slices whoever waits for the loop gets it, and while it is decoded."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    headers = {"content-encoding": coding} if coding else {}
    await parse(None, CHAT, headers, gzip.compress(BODY) if coding else BODY, OPENAI)
    beside.cancel()
    assert turns >= len(BODY) // SLICE


async def test_a_large_request_is_known_again_and_read_for_another_run() -> None:
    """Its history is known to the next call of the run, and judged anew for another one."""
    screen = screening()
    for run, known in (("r1", False), ("r1", True), ("r2", True)):
        parsed = await parse(screen, CHAT, {}, BODY, OPENAI)
        assert (parsed.known is not None) == known
        judged = await screen.judge(run, CHAT.format, parsed)
        assert judged.body is None
        again = await whole(parsed)
        assert msgspec.json.encode(again.body) == msgspec.json.encode(
            parse_request(CHAT, {}, BODY).body
        )


async def test_a_large_request_is_screened(world: MakeWorld) -> None:
    """A hostile text deep in a large history is found, and a harmless one passes as it is."""
    async with world(screening=screening()) as it, it.client() as client:
        hostile = [*HISTORY, {"role": "user", "content": BAD}, *HISTORY[:50]]
        body = json.dumps({"model": "tiny", "messages": hostile})
        refused = await client.post(OPENAI, content=body)
        passed = await client.post(OPENAI, content=BODY)
        assert (refused.status_code, passed.status_code) == (403, 200)
        assert refused.json()["error"]["place"] == f"messages[{len(HISTORY)}].content"
        assert [each.body for each in it.provider.requests] == [BODY]


async def test_what_is_under_way_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the proxy ends, a large text is left at the next window, and goes nowhere."""
    screen, windows = screening({Part.USER: Action.REFUSE}), 0
    loop, begun = asyncio.get_running_loop(), asyncio.Event()

    def ending() -> None:
        nonlocal windows
        windows += 1
        screen.close()
        loop.call_soon_threadsafe(begun.set)

    monkeypatch.setattr(look, "give_way", ending)
    body = json.dumps({"messages": [{"role": "user", "content": "word " * 100_000 + BAD}]})
    parsed = parse_request(CHAT, {}, body.encode())
    judging = asyncio.create_task(screen.judge("r", CHAT.format, parsed))
    await begun.wait()
    await asyncio.to_thread(screen._thread.shutdown)
    await asyncio.sleep(0.01)
    assert (windows, judging.done()) == (1, False)
    judging.cancel()
