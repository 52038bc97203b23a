"""Answers that are cut while they run: told so, never ended cleanly, settled once."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from mitmproxy.http import HTTPFlow

from leash_addon.cli.fakeprovider import FakeProvider, Script
from leash_addon.core.journal import CallSettled
from leash_addon.core.limits import Limits
from leash_addon.core.money import usd
from leash_addon.core.reading import Outcome
from leash_addon.ledger import open_ledger
from leash_addon.proxy.policy import Policy
from leash_addon.proxy.refusals import Denial
from tests.proxy.test_sockets import CREATE, RESPONSES, Kind, Stage, rest
from tests.proxy.world import (
    RUN,
    MakeWorld,
    Request,
    World,
    begin_events,
    chat_events,
    clock,
    send_chunk,
    until,
)

pytestmark = pytest.mark.asyncio

CUTS = Policy(run=RUN, cut=True)
ENDLESS = Script(chunks=400, gap_ms=20, text="word " * 400)
CHAT = "https://api.openai.com/v1/chat/completions"
BODIES = [
    pytest.param(CHAT, {"model": "tiny", "messages": [], "stream": True}, b"data: {", id="chat"),
    pytest.param(
        "https://api.openai.com/v1/responses",
        {"model": "tiny", "input": "hi", "stream": True},
        b"event: response.failed\ndata: {",
        id="responses",
    ),
    pytest.param(
        "https://api.anthropic.com/v1/messages",
        {"model": "tiny", "messages": [], "max_tokens": 9_999, "stream": True},
        b"event: error\ndata: {",
        id="messages",
    ),
    pytest.param(
        "https://generativelanguage.googleapis.com/v1beta/models/tiny:streamGenerateContent?alt=sse",
        {"contents": []},
        b"data: {",
        id="gemini",
    ),
]


@asynccontextmanager
async def over_fake(world: MakeWorld, script: Script, **options: object) -> AsyncIterator[Stage]:
    """Run a proxy that cuts over the fake provider."""
    async with (
        FakeProvider(script) as fake,
        world(url=f"http://127.0.0.1:{fake.port}", policy=CUTS, **options) as it,
    ):
        yield Stage(it=it, fake=fake)


def kill(it: World) -> None:
    """Kill the run through a connection of its own, as another process does."""
    place = it.ledger.path
    assert isinstance(place, Path)
    with open_ledger(place) as other:
        other.kill(RUN, clock())


async def read_until_cut(
    client: httpx.AsyncClient,
    url: str,
    body: object,
    it: World | None = None,
    heard: list[bytes] | None = None,
) -> tuple[bytes, bool]:
    """Read a stream, kill its run after the first piece, and tell whether it broke off.

    ``heard``: gets what came so far.
    """
    whole = b""
    try:
        async with client.stream("POST", url, json=body) as answer:
            async for piece in answer.aiter_raw():
                if not whole and it is not None:
                    kill(it)
                whole += piece
                if heard is not None:
                    heard.append(whole)
    except httpx.RemoteProtocolError:
        return whole, True
    return whole, False


async def only(it: World) -> CallSettled:
    """Return the one settlement, once the call is closed."""
    await until(lambda: not it.ledger.balance(RUN).open_calls)
    (settled,) = await it.settled()
    return settled


@pytest.mark.parametrize(("url", "body", "lead"), BODIES)
async def test_a_kill_ends_a_running_stream(
    world: MakeWorld, url: str, body: object, lead: bytes
) -> None:
    """The last event says in the format's words that leash ended it; the body has no clean end."""
    async with over_fake(world, ENDLESS) as stage, stage.it.client() as client:
        whole, broke = await read_until_cut(client, url, body, stage.it)
        settled = await only(stage.it)
        await until(lambda: not stage.fake.seen.open)
    last = whole.rstrip().rpartition(b"\n\n")[2].rpartition(b"\r\n\r\n")[2]
    assert (broke, last.startswith(lead), b"leash: the run was killed (kill" in last) == (
        True,
        True,
        True,
    )
    assert (settled.outcome, settled.cost is not None and settled.cost > 0) == (Outcome.CUT, True)
    assert "cut by leash: kill" in settled.notes


async def test_without_cut_a_running_stream_ends_by_itself(world: MakeWorld) -> None:
    """A kill does not touch an answer that runs unless that was asked for."""
    async with (
        FakeProvider(Script(gap_ms=50, chunks=20)) as fake,
        world(url=f"http://127.0.0.1:{fake.port}") as it,
        it.client() as client,
    ):
        body = {"model": "tiny", "messages": [], "stream": True}
        whole, broke = await read_until_cut(client, CHAT, body, it)
    assert (broke, whole.endswith(b"data: [DONE]\n\n")) == (False, True)


async def test_a_call_that_was_not_answered_yet_is_refused(world: MakeWorld) -> None:
    """A kill before the provider's first byte is a whole refusal, and the connection lives on."""
    async with over_fake(world, Script(delay_ms=8_000)) as stage, stage.it.client() as client:
        call = asyncio.create_task(stage.it.chat(client))
        await until(lambda: bool(stage.fake.seen.count))
        kill(stage.it)
        answer = await call
        again = await stage.it.chat(client)
        settled = await only(stage.it)
        assert stage.fake.seen.count == 1
    assert [each.headers["x-leash-reason"] for each in (answer, again)] == ["kill", "kill"]
    assert settled.outcome is Outcome.CUT


async def test_money_that_runs_out_ends_a_stream(world: MakeWorld) -> None:
    """A stream whose text alone has used the budget up is cut, and booked at no less."""
    async with (
        over_fake(world, ENDLESS, limits=Limits(max_cost=usd("0.05"))) as stage,
        stage.it.client() as client,
    ):
        body = {"model": "tiny", "messages": [], "stream": True}
        whole, broke = await read_until_cut(client, CHAT, body)
        settled = await only(stage.it)
    assert (broke, b"(cost_budget, run" in whole) == (True, True)
    assert settled.cost is not None
    assert usd("0.05") <= settled.cost


async def test_the_deadline_ends_a_stream(world: MakeWorld) -> None:
    """A stream that runs into the deadline is cut."""
    async with (
        over_fake(world, ENDLESS, limits=Limits(deadline=1)) as stage,
        stage.it.client() as client,
    ):
        body = {"model": "tiny", "messages": [], "stream": True}
        whole, broke = await read_until_cut(client, CHAT, body)
    assert (broke, b"(deadline, run" in whole) == (True, True)


async def test_calls_within_a_used_up_count_may_finish(world: MakeWorld) -> None:
    """A run that is stopped for its number of calls keeps the answers that run."""
    limits = Limits(max_calls=1)
    async with (
        over_fake(world, Script(chunks=30, gap_ms=40), limits=limits) as stage,
        stage.it.client() as client,
    ):
        body = {"model": "tiny", "messages": [], "stream": True}
        running = asyncio.create_task(read_until_cut(client, CHAT, body))
        await until(lambda: bool(stage.fake.seen.count))
        refused = await stage.it.chat(client)
        whole, broke = await running
    assert (refused.status_code, broke, whole.endswith(b"data: [DONE]\n\n")) == (429, False, True)


async def test_an_encoded_stream_is_broken_off_without_words(world: MakeWorld) -> None:
    """A provider that encodes what was to be plain is cut all the same, in the middle."""

    async def encoded(_: Request, writer: asyncio.StreamWriter) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n"
        writer.write(head + b"transfer-encoding: chunked\r\n\r\n")
        await send_chunk(writer, gzip.compress(b"".join(chat_events()))[:40])
        await asyncio.sleep(60)

    async with world(answer=encoded, policy=CUTS) as it, it.client() as client:
        body = {"model": "tiny", "messages": [], "stream": True}
        body["stream_options"] = {"include_usage": True}
        whole, broke = await read_until_cut(client, CHAT, body, it)
        assert (await only(it)).outcome is Outcome.CUT
        (seen,) = it.provider.requests
    assert (len(whole), broke, seen.headers["accept-encoding"]) == (40, True, "identity")


async def test_half_an_event_is_finished_before_the_last_word(world: MakeWorld) -> None:
    """The error event begins where an event has ended, over TLS on both sides."""
    first, second, *_ = chat_events()
    cut = asyncio.Event()

    async def halting(_: Request, writer: asyncio.StreamWriter) -> None:
        await begin_events(writer)
        await send_chunk(writer, first + second[:20])
        await cut.wait()
        await send_chunk(writer, second[20:] + first)
        await asyncio.sleep(60)

    body = {"model": "tiny", "messages": [], "stream": True}
    body["stream_options"] = {"include_usage": True}
    async with world(answer=halting, policy=CUTS) as it, it.client() as client:
        flows: list[HTTPFlow] = []
        plain = it.addon.responseheaders
        it.addon.responseheaders = lambda flow: (flows.append(flow), plain(flow))  # type: ignore[assignment, method-assign, return-value, func-returns-value]
        heard: list[bytes] = []
        reading = asyncio.create_task(read_until_cut(client, CHAT, body, heard=heard))
        await until(lambda: heard[-1:] == [first + second[:20]])
        it.addon.cutter.cut(flows[0], Denial(reason="screening", message="no more of this"))
        cut.set()
        whole, broke = await reading
    assert (broke, whole.startswith(first + second + b'data: {"error":')) == (True, True)


async def test_a_silent_stream_is_cut_as_well(
    world: MakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """The last word goes out though the provider says nothing more, and mitmproxy is at ease."""

    async def silent(_: Request, writer: asyncio.StreamWriter) -> None:
        await begin_events(writer)
        await send_chunk(writer, chat_events()[0])
        await asyncio.sleep(60)

    body = {"model": "tiny", "messages": [], "stream": True}
    async with world(answer=silent, policy=CUTS) as it, it.client() as client:
        whole, broke = await read_until_cut(client, CHAT, body, it)
        await until(lambda: not it.provider.at_once or bool(it.ledger.balance(RUN).settled))
    assert (broke, b"the run was killed" in whole) == (True, True)
    assert [each for each in caplog.messages if "crashed" in each] == []


async def test_a_kill_ends_a_turn_on_a_websocket(world: MakeWorld) -> None:
    """A turn that runs fails in the format's words, the socket closes, the call is settled once."""
    kind = Kind(url=RESPONSES, ask=CREATE)
    async with over_fake(world, ENDLESS) as stage, stage.conversing(kind) as socket:
        await socket.send(json.dumps(CREATE))
        await socket.recv()
        kill(stage.it)
        messages, code, _ = await rest(socket)
        settled = await only(stage.it)
    failed = messages[-1]
    assert (failed["type"], failed["response"]["id"], code) == (
        "response.failed",
        "resp_fake1",
        1008,
    )
    assert (settled.outcome, "cut by leash: kill" in settled.notes) == (Outcome.CUT, True)
