"""Streamed answers: byte for byte, chunk by chunk, settled whatever ends them."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import httpx
import pytest

from leash_addon.core.limits import Limits
from leash_addon.core.money import usd
from leash_addon.core.reading import Confidence, Outcome, Reading
from leash_addon.proxy.policy import Policy
from leash_addon.wire.meter import Meter
from tests.proxy.world import (
    RUN,
    MakeWorld,
    Request,
    World,
    begin_events,
    chat_events,
    send_chunk,
    until,
)

pytestmark = pytest.mark.asyncio

URL = "https://api.openai.com/v1/chat/completions"
STREAMED = {"model": "tiny", "messages": [], "stream": True}
WITH_USAGE = STREAMED | {"stream_options": {"include_usage": True}}


async def streams(_: Request, writer: asyncio.StreamWriter) -> None:
    """Answer with every event of a chat stream, usage included."""
    await begin_events(writer)
    for event in chat_events():
        await send_chunk(writer, event)
    await send_chunk(writer, b"")


async def read(client: httpx.AsyncClient, body: dict[str, object]) -> bytes:
    """Make a streamed call and return its whole body."""
    async with client.stream("POST", URL, json=body) as answer:
        return b"".join([piece async for piece in answer.aiter_raw()])


async def test_a_stream_passes_byte_for_byte(world: MakeWorld) -> None:
    """A stream whose client asked for usage is not touched, and is booked at its usage."""
    async with world(answer=streams) as it, it.client() as client:
        body = await read(client, WITH_USAGE)
        (settled,) = await it.settled()
    assert body == b"".join(chat_events())
    assert (settled.cost, settled.outcome) == (usd("0.025"), Outcome.COMPLETE)


async def test_the_event_that_we_asked_for_is_swallowed(world: MakeWorld) -> None:
    """A client that did not ask for usage does not get it, and the call is metered all the same."""
    async with world(answer=streams) as it, it.client() as client:
        body = await read(client, STREAMED)
        (settled,) = await it.settled()
        (seen,) = it.provider.requests
    assert body == b"".join(chat_events(usage=False))
    assert b'"include_usage":true' in seen.body
    assert (seen.headers["accept-encoding"], settled.cost) == ("identity", usd("0.025"))


async def test_a_sized_stream_stays_well_formed(world: MakeWorld) -> None:
    """An event stream with a Content-Length is framed anew when an event is taken out of it."""

    async def sized(_: Request, writer: asyncio.StreamWriter) -> None:
        body = b"".join(chat_events())
        head = f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: {len(body)}"
        writer.write(head.encode() + b"\r\n\r\n" + body)
        await writer.drain()

    async with world(answer=sized) as it, it.client() as client:
        assert await read(client, STREAMED) == b"".join(chat_events(usage=False))
        assert await read(client, STREAMED) == b"".join(chat_events(usage=False))


async def test_an_answer_encoded_all_the_same_arrives_decoded_without_our_event(
    world: MakeWorld,
) -> None:
    """A provider that ignores our wish for a plain answer does not bring the event through."""

    async def packed(_: Request, writer: asyncio.StreamWriter) -> None:
        body = gzip.compress(b"".join(chat_events()))
        head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n"
        writer.write(f"{head}transfer-encoding: chunked\r\n\r\n".encode())
        for start in range(0, len(body), 50):
            await send_chunk(writer, body[start : start + 50])
        await send_chunk(writer, b"")

    async with world(answer=packed) as it, it.client() as client:
        body = await read(client, STREAMED)
        (settled,) = await it.settled()
    assert body == b"".join(chat_events(usage=False))
    assert settled.cost == usd("0.025")


async def test_nothing_is_injected_when_told_not_to(world: MakeWorld) -> None:
    """With injection off the request goes out as it came, and the call without usage is blind."""

    async def silent(_: Request, writer: asyncio.StreamWriter) -> None:
        await begin_events(writer)
        for event in chat_events(usage=False):
            await send_chunk(writer, event)
        await send_chunk(writer, b"")

    async with world(answer=silent, policy=Policy(run=RUN, inject=False)) as it:
        async with it.client() as client:
            await read(client, STREAMED)
        (settled,) = await it.settled()
        assert b"include_usage" not in it.provider.requests[0].body
    assert (settled.cost, settled.confidence) == (None, Confidence.UNPRICED)


async def test_the_first_event_comes_before_the_second_is_sent(world: MakeWorld) -> None:
    """Each event reaches the client while the provider still holds the next one back."""
    gates = [asyncio.Event() for _ in chat_events()]

    async def gated(_: Request, writer: asyncio.StreamWriter) -> None:
        await begin_events(writer)
        for gate, event in zip(gates, chat_events(), strict=True):
            await gate.wait()
            await send_chunk(writer, event)
        await send_chunk(writer, b"")

    async with (
        world(answer=gated) as it,
        it.client() as client,
        client.stream("POST", URL, json=WITH_USAGE) as answer,
    ):
        pieces = answer.aiter_raw()
        for gate, event in zip(gates, chat_events(), strict=True):
            gate.set()
            assert await anext(pieces) == event


async def test_encoded_bytes_pass_as_they_are(world: MakeWorld) -> None:
    """A gzip stream reaches the client in its encoded bytes and is metered."""
    encoded = gzip.compress(b"".join(chat_events()))

    async def zipped(_: Request, writer: asyncio.StreamWriter) -> None:
        head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n"
        writer.write(f"{head}content-length: {len(encoded)}\r\n\r\n".encode())
        for at in range(0, len(encoded), 7):
            writer.write(encoded[at : at + 7])
            await writer.drain()

    async with world(answer=zipped) as it, it.client() as client:
        assert await read(client, WITH_USAGE) == encoded
        (settled,) = await it.settled()
    assert settled.cost == usd("0.025")


async def test_a_client_that_hangs_up_is_settled(world: MakeWorld) -> None:
    """A client that leaves in the middle leaves no hold behind."""
    gone = asyncio.Event()

    async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
        await begin_events(writer)
        await send_chunk(writer, chat_events()[0])
        await gone.wait()

    async with world(answer=endless, limits=Limits(max_cost=usd("5"))) as it:
        async with it.client() as client, client.stream("POST", URL, json=STREAMED) as answer:
            await anext(answer.aiter_raw())
        await until(lambda: it.ledger.balance(RUN).open_calls == 0)
        gone.set()
        (settled,) = await it.settled()
        assert it.ledger.balance(RUN).held == 0
    assert (settled.outcome, settled.confidence) == (Outcome.CUT, Confidence.HELD)


async def test_hanging_up_at_the_closing_mark_is_a_whole_answer(world: MakeWorld) -> None:
    """A client that leaves on ``data: [DONE]``, before the provider closes, is booked in full."""
    gone = asyncio.Event()

    async def lingering(_: Request, writer: asyncio.StreamWriter) -> None:
        await begin_events(writer)
        for event in chat_events():
            await send_chunk(writer, event)
        await gone.wait()

    async with world(answer=lingering) as it:
        async with it.client() as client, client.stream("POST", URL, json=WITH_USAGE) as answer:
            async for piece in answer.aiter_raw():
                if b"[DONE]" in piece:
                    break
        (settled,) = await it.settled()
        gone.set()
    assert (settled.cost, settled.outcome) == (usd("0.025"), Outcome.COMPLETE)


async def test_a_provider_that_breaks_off_is_settled(world: MakeWorld) -> None:
    """A reset in the middle of a stream leaves no hold and is no whole answer."""

    async def resets(_: Request, writer: asyncio.StreamWriter) -> None:
        await begin_events(writer)
        await send_chunk(writer, chat_events()[0])
        writer.transport.abort()

    async with world(answer=resets) as it, it.client() as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await read(client, STREAMED)
        (settled,) = await it.settled()
        assert it.ledger.balance(RUN).open_calls == 0
    assert settled.outcome is Outcome.CUT


async def test_a_provider_that_is_away_costs_nothing(world: MakeWorld) -> None:
    """A call that never got a connection upstream is booked as unsent, at zero."""
    async with world(policy=Policy(run=RUN)) as it, it.client() as client:
        await nobody_listens(it)
        answer = await client.post(URL, json=STREAMED)
        (settled,) = await it.settled()
    assert (answer.status_code, settled.outcome, settled.cost) == (502, Outcome.UNSENT, 0)


async def nobody_listens(it: World) -> None:
    """Point the proxy at a port that nobody listens on."""
    server = await asyncio.start_server(it.provider.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    send_to(it, f"http://127.0.0.1:{port}")


def send_to(it: World, upstream: str) -> None:
    """Send the calls of a world to another server from now on."""
    object.__setattr__(it.addon._reception.policy, "upstream", upstream)


async def test_an_upstream_that_is_somebody_else_gets_nothing(world: MakeWorld) -> None:
    """An upstream whose certificate bears another name is refused, and the call is unsent."""
    async with world() as it, it.client() as client:
        send_to(it, f"https://127.0.0.1:{it.provider.port}")
        answer = await client.post(URL, json=STREAMED)
        (settled,) = await it.settled()
        assert (answer.status_code, it.provider.requests) == (502, [])
    assert (settled.outcome, settled.cost) == (Outcome.UNSENT, 0)


async def test_a_failing_meter_leaves_the_stream_alone(
    world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the meter raises, the client gets every byte and the call is blind."""

    def fails(_: Meter, __: bytes) -> None:
        raise RuntimeError

    monkeypatch.setattr(Meter, "feed", fails)
    async with world(answer=streams) as it, it.client() as client:
        body = await read(client, WITH_USAGE)
        (settled,) = await it.settled()
    assert body == b"".join(chat_events())
    assert (settled.cost, settled.confidence) == (None, Confidence.UNPRICED)
    assert "the meter failed: RuntimeError" in settled.notes


async def test_a_failing_price_settles_at_the_hold(
    world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a reading cannot be booked, the hold becomes the cost; nothing is left open."""

    def fails(_: Meter) -> Reading:
        raise RuntimeError

    monkeypatch.setattr(Meter, "reading", fails)
    async with world(answer=streams) as it, it.client() as client:
        await read(client, WITH_USAGE)
        (settled,) = await it.settled()
    assert (settled.confidence, settled.cost) == (Confidence.HELD, settled.hold)


async def test_stopping_the_proxy_settles_open_calls(world: MakeWorld) -> None:
    """A proxy that stops in the middle of a stream leaves no hold behind."""
    begun = asyncio.Event()

    async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
        await begin_events(writer)
        await send_chunk(writer, chat_events()[0])
        begun.set()
        await asyncio.sleep(60)

    async def call(it: World) -> None:
        async with it.client() as client:
            await read(client, STREAMED)

    async with world(answer=endless) as it:
        calling = asyncio.create_task(call(it))
        await begun.wait()
        await it.proxy.stop()
        (settled,) = await it.settled()
        with pytest.raises(httpx.HTTPError):
            await calling
    assert settled.outcome is Outcome.CUT


async def test_an_upload_to_a_free_path_is_not_buffered(world: MakeWorld) -> None:
    """A file upload reaches the provider while the client is still sending it."""
    arrived, rest = asyncio.Event(), asyncio.Event()

    async def pieces() -> AsyncIterator[bytes]:
        yield b"x" * 10_000
        await rest.wait()
        yield b"y"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(1_000)
        arrived.set()
        while b"y" not in await reader.read(65_536):
            pass
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with world() as it, it.client() as client, server:
        send_to(it, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        url = "https://api.openai.com/v1/files"
        posting = asyncio.create_task(client.post(url, content=pieces()))
        await arrived.wait()
        rest.set()
        assert (await posting).content == b"ok"
