"""WebSockets through the real proxy: every turn admitted, metered, settled or refused."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from leash_addon.cli.fakeprovider import FakeProvider, Script
from leash_addon.core.limits import Limits
from leash_addon.core.money import usd
from leash_addon.core.part import Part
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.screening import Action
from leash_addon.proxy.ca import open_authority
from leash_addon.proxy.certs import utc_now
from leash_addon.proxy.policy import Policy
from leash_addon.wire.routes import Upgrade
from tests.proxy.test_screening import BAD, MARKER, screening
from tests.proxy.world import RUN, MakeWorld, World, tls_of, until

pytestmark = pytest.mark.asyncio

RESPONSES = "wss://api.openai.com/v1/responses"
CODEX = "wss://chatgpt.com/backend-api/codex/responses"
REALTIME = "wss://api.openai.com/v1/realtime?model=tiny"
LIVE = (
    "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1beta."
    "GenerativeService.BidiGenerateContent?key=k"
)
CREATE = {"type": "response.create", "model": "tiny", "input": "hi", "stream": True}
SCRIPT = Script(input_tokens=10, output_tokens=15)
"""A turn costs 2.5 cents."""

type Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A format: where it is, what opens it, what asks for a turn, and what ends one."""

    url: str
    opening: tuple[Json, ...] = ()
    ask: Json
    greets: int = 0

    def ended(self, message: Json) -> bool:
        """Tell whether a message ends a turn."""
        return message.get("type") in {"response.completed", "response.done"} or (
            "usageMetadata" in message
        )


KINDS = [
    pytest.param(Kind(url=RESPONSES, ask=CREATE), id="responses"),
    pytest.param(Kind(url=REALTIME, ask={"type": "response.create"}, greets=1), id="realtime"),
    pytest.param(
        Kind(
            url=LIVE,
            opening=({"setup": {"model": "models/tiny"}},),
            ask={"clientContent": {"turns": [{"parts": [{"text": "hi"}]}], "turnComplete": True}},
            greets=1,
        ),
        id="gemini live",
    ),
]


@dataclass(kw_only=True)
class Stage:
    """A proxy over the fake provider."""

    it: World
    fake: FakeProvider

    def opened(self, url: str, **headers: str) -> connect:
        """Connect through the proxy."""
        proxy = f"http://{RUN}:secret@127.0.0.1:{self.it.port}"
        return connect(url, proxy=proxy, ssl=self.it.trust, additional_headers=headers)

    @asynccontextmanager
    async def conversing(self, kind: Kind, **headers: str) -> AsyncIterator[ClientConnection]:
        """Open a connection and get past its greetings."""
        async with self.opened(kind.url, **headers) as socket:
            for message in kind.opening:
                await socket.send(json.dumps(message))
            for _ in range(kind.greets):
                await socket.recv()
            yield socket


@asynccontextmanager
async def staged(
    world: MakeWorld, script: Script = SCRIPT, **options: object
) -> AsyncIterator[Stage]:
    """Run the fake provider and a proxy in front of it."""
    async with (
        FakeProvider(script) as fake,
        world(url=f"http://127.0.0.1:{fake.port}", **options) as it,
    ):
        yield Stage(it=it, fake=fake)


async def turn(socket: ClientConnection, kind: Kind) -> list[Json]:
    """Ask for a turn and return its messages."""
    await socket.send(json.dumps(kind.ask))
    return await heard(socket, kind)


async def heard(socket: ClientConnection, kind: Kind) -> list[Json]:
    """Return the messages of a turn."""
    found: list[Json] = []
    while not found or not kind.ended(found[-1]):
        found.append(json.loads(await socket.recv()))
    return found


async def rest(socket: ClientConnection) -> tuple[list[Json], int | None, str]:
    """Return what still comes, and how the connection was closed."""
    found: list[Json] = []
    try:
        while True:
            found.append(json.loads(await socket.recv()))
    except ConnectionClosed:
        return found, socket.close_code, socket.close_reason or ""


@pytest.mark.parametrize("kind", KINDS)
async def test_every_turn_is_a_call(world: MakeWorld, kind: Kind) -> None:
    """Three turns on one connection are three calls, each booked at its reported usage."""
    async with staged(world) as stage:
        async with stage.conversing(kind) as socket:
            for _ in range(3):
                await turn(socket, kind)
        settled = await stage.it.settled()
    assert [(each.cost, each.confidence, each.outcome) for each in settled] == [
        (usd("0.025"), Confidence.MEASURED, Outcome.COMPLETE)
    ] * 3


@pytest.mark.parametrize("kind", KINDS)
async def test_no_turn_goes_upstream_after_a_stop(world: MakeWorld, kind: Kind) -> None:
    """The third turn of a run of two calls is refused with our message, and the socket closes."""
    async with staged(world, limits=Limits(max_calls=2)) as stage:
        async with stage.conversing(kind) as socket:
            for _ in range(2):
                await turn(socket, kind)
            await socket.send(json.dumps(kind.ask))
            last, code, reason = await rest(socket)
        assert (stage.fake.seen.count, code) == (2, 1008)
        assert "leash: all 2 calls of the run are used (call_budget" in json.dumps(last) + reason
        assert len(await stage.it.settled()) == 2


async def test_codex_is_stopped_in_its_own_words(world: MakeWorld) -> None:
    """A refused response fails with the code that makes codex stop and print the message."""
    async with staged(world, limits=Limits(max_calls=1)) as stage, stage.opened(CODEX) as socket:
        kind = Kind(url=CODEX, ask=CREATE)
        await turn(socket, kind)
        await socket.send(json.dumps(CREATE))
        (last,), _, _ = await rest(socket)
        (settled,) = await stage.it.settled()
    assert (last["type"], last["response"]["status"], last["response"]["error"]["code"]) == (
        "response.failed",
        "failed",
        "invalid_prompt",
    )
    assert (settled.confidence, settled.cost) == (Confidence.IMPUTED, usd("0.025"))


async def test_warming_up_is_free(world: MakeWorld) -> None:
    """A ``response.create`` that generates nothing is no call, and the next one is the first."""
    async with (
        staged(world, limits=Limits(max_calls=1)) as stage,
        stage.opened(RESPONSES) as socket,
    ):
        kind = Kind(url=RESPONSES, ask=CREATE)
        for _ in range(2):
            await turn(socket, Kind(url=RESPONSES, ask=CREATE | {"generate": False}))
        await turn(socket, kind)
        assert len(await stage.it.settled()) == 1


async def test_a_response_that_the_server_begins_is_a_call(world: MakeWorld) -> None:
    """What voice detection begins is admitted as it begins, and refused after the budget."""
    kind = Kind(url=REALTIME, ask={"type": "input_audio_buffer.append", "audio": "AAAA"}, greets=1)
    async with staged(world, limits=Limits(max_calls=1)) as stage:
        async with stage.conversing(kind) as socket:
            await turn(socket, kind)
            await socket.send(json.dumps(kind.ask))
            (last,), code, _ = await rest(socket)
        (settled,) = await stage.it.settled()
    assert (settled.cost, last["type"], last["error"]["code"], code) == (
        usd("0.025"),
        "error",
        "call_budget",
        1008,
    )


async def test_the_budget_stops_between_turns(world: MakeWorld) -> None:
    """At 2.5 cents a turn and a budget of 5 cents, two turns pass and no third goes upstream."""
    kind = Kind(url=RESPONSES, ask=CREATE)
    async with staged(world, limits=Limits(max_cost=usd("0.05"))) as stage:
        async with stage.conversing(kind) as socket:
            for _ in range(2):
                await turn(socket, kind)
            await socket.send(json.dumps(CREATE))
            (last,), _, _ = await rest(socket)
        assert (stage.fake.seen.count, last["leash"]["reason"]) == (2, "cost_budget")


async def test_a_passing_refusal_leaves_the_connection_open(world: MakeWorld) -> None:
    """A turn beyond the rate is refused with a time to wait, and the next one may pass."""
    kind = Kind(url=RESPONSES, ask=CREATE)
    async with staged(
        world, policy=Policy(run=RUN, wait=0), limits=Limits(max_inflight=1), script=SCRIPT
    ) as stage:
        stage.fake.script = Script(gap_ms=50)
        async with stage.conversing(kind) as socket:
            await socket.send(json.dumps(CREATE))
            await socket.send(json.dumps(CREATE))
            messages = [*await heard(socket, kind)]
            again = await turn(socket, kind)
        assert stage.fake.seen.count == 2
    failed = [each for each in messages if each["type"] == "response.failed"]
    assert [each["response"]["error"]["code"] for each in failed] == ["rate_limit_exceeded"]
    assert again[-1]["type"] == "response.completed"


@pytest.mark.parametrize("ending", ["failed", "close"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_turn_that_breaks_off_is_settled_once(
    world: MakeWorld, kind: Kind, ending: str
) -> None:
    """Whether the answer fails or the provider is gone, the call is settled, and exactly once."""
    async with staged(world, script=Script(ending=ending, chunks=4)) as stage:
        async with stage.conversing(kind) as socket:
            await socket.send(json.dumps(kind.ask))
            if ending == "close":
                await rest(socket)
            else:
                await socket.recv()
        await until(lambda: not stage.it.ledger.balance(RUN).open_calls)
        (settled,) = await stage.it.settled()
    assert (settled.cost is not None, settled.outcome) == (True, Outcome.CUT)


async def test_a_client_that_leaves_settles_its_turn(world: MakeWorld) -> None:
    """A client that hangs up in the middle of a turn leaves no hold behind."""
    kind = Kind(url=RESPONSES, ask=CREATE)
    async with staged(world, script=Script(gap_ms=200)) as stage:
        async with stage.conversing(kind) as socket:
            await socket.send(json.dumps(CREATE))
            await socket.recv()
        await until(lambda: not stage.it.ledger.balance(RUN).open_calls)
        (settled,) = await stage.it.settled()
    assert settled.outcome is Outcome.CUT


@pytest.mark.parametrize(
    ("policy", "status"),
    [
        pytest.param(Upgrade.DOWNGRADE, 426, id="downgrade"),
        pytest.param(Upgrade.REFUSE, 403, id="refuse"),
    ],
)
async def test_an_upgrade_can_be_turned_down(
    world: MakeWorld, policy: Upgrade, status: int
) -> None:
    """Downgraded or refused, no upgrade reaches the provider."""
    async with staged(world, policy=Policy(run=RUN, websocket=policy)) as stage:
        with pytest.raises(InvalidStatus) as caught:
            async with stage.opened(RESPONSES):
                pass
        assert (caught.value.response.status_code, stage.fake.seen.count) == (status, 0)


async def test_a_delta_is_held_at_what_stands_behind_it(world: MakeWorld) -> None:
    """A turn that continues another is expected to have that one's tokens as its input."""
    kind = Kind(url=RESPONSES, ask=CREATE)
    async with staged(world, script=Script(input_tokens=5_000, output_tokens=20)) as stage:
        async with stage.conversing(kind) as socket:
            await turn(socket, kind)
            more = CREATE | {"previous_response_id": "resp_fake1"}
            await turn(socket, Kind(url=RESPONSES, ask=more))
        settled = await stage.it.settled()
    assert settled[0].hold < usd("5.02") < settled[1].hold


@pytest.mark.parametrize(
    "count", [pytest.param(300, id="300"), pytest.param(10_000, id="10000", marks=pytest.mark.long)]
)
async def test_messages_are_not_kept(world: MakeWorld, count: int) -> None:
    """The list that mitmproxy keeps of messages stays at one, however many pass."""
    kind = Kind(url=RESPONSES, ask=CREATE)
    async with staged(world, script=Script(chunks=count, text="x" * count)) as stage:
        sizes: set[int] = set()
        plain = stage.it.addon.websocket_message

        async def watched(flow: Any) -> None:  # noqa: ANN401 - mitmproxy's
            await plain(flow)
            sizes.add(len(flow.websocket.messages))

        stage.it.addon.websocket_message = watched  # type: ignore[method-assign]
        async with stage.conversing(kind) as socket:
            assert len(await turn(socket, kind)) > count
        assert sizes == {1}


async def test_order_holds_while_an_admission_waits(world: MakeWorld) -> None:
    """Messages that a client sends behind a turn that waits reach the provider behind it."""
    kind = Kind(url=REALTIME, ask={"type": "response.create"}, greets=1)
    async with staged(world, script=Script(gap_ms=20)) as stage:
        async with stage.conversing(kind) as socket:
            for number in range(5):
                await socket.send(json.dumps({"type": "response.create", "n": number}))
            for _ in range(5):
                await heard(socket, kind)
        asked = [each["body"] for each in stage.fake.seen.requests]
    assert [body.get("n") for body in asked if isinstance(body, dict)] == list(range(5))


async def compressing(socket: ServerConnection) -> None:
    """Answer every turn, as a server that compresses its messages."""
    async for _ in socket:
        for kind, status in (
            ("response.created", "in_progress"),
            ("response.completed", "completed"),
        ):
            usage = {"input_tokens": 10, "output_tokens": 15} if status == "completed" else None
            response = {"id": "r", "model": "tiny", "status": status, "usage": usage}
            await socket.send(json.dumps({"type": kind, "response": response}))


async def test_compressed_messages_over_tls_are_read_and_written(
    world: MakeWorld, tmp_path: Path
) -> None:
    """With TLS and compression on both sides turns are metered, and our own words arrive."""
    theirs = open_authority(tmp_path / "their-ca", ["localhost"], utc_now())
    kind = Kind(url=RESPONSES, ask=CREATE)
    async with serve(compressing, "127.0.0.1", 0, ssl=tls_of(theirs, "localhost", tmp_path)) as up:
        port = up.sockets[0].getsockname()[1]
        limits = Limits(max_calls=1)
        async with world(url=f"https://localhost:{port}", limits=limits) as it:
            async with Stage(it=it, fake=FakeProvider(SCRIPT)).conversing(kind) as socket:
                extensions = socket.response and socket.response.headers["sec-websocket-extensions"]
                await turn(socket, kind)
                await socket.send(json.dumps(CREATE))
                (last,), code, _ = await rest(socket)
            (settled,) = await it.settled()
    assert (extensions or "").startswith("permessage-deflate")
    assert (settled.cost, last["type"], code) == (usd("0.025"), "response.failed", 1008)


async def test_a_hostile_turn_is_refused_and_the_run_goes_on(world: MakeWorld) -> None:
    """Screening looks at the texts of each turn: what it refuses never goes upstream."""
    kind = Kind(url=RESPONSES, ask=CREATE)
    output = {"type": "function_call_output", "call_id": "c", "output": BAD}
    strict = screening({Part.TOOL_RESULT: Action.REFUSE})
    async with staged(world, screening=strict) as stage:
        async with stage.conversing(kind) as socket:
            await turn(socket, kind)
            await socket.send(json.dumps(CREATE | {"input": [output]}))
            (last,), _, _ = await rest(socket)
        async with stage.conversing(kind) as socket:
            again = await turn(socket, kind)
        assert (stage.fake.seen.count, last["leash"]["reason"]) == (2, "screening")
    assert again[-1]["type"] == "response.completed"


async def test_an_annotated_turn_goes_out_changed(world: MakeWorld) -> None:
    """What screening writes into a turn is what the provider gets."""
    kind = Kind(url=RESPONSES, ask=CREATE)
    output = {"type": "function_call_output", "call_id": "c", "output": BAD}
    redacting = screening({Part.TOOL_RESULT: Action.REDACT})
    async with staged(world, screening=redacting) as stage:
        async with stage.conversing(kind) as socket:
            await turn(socket, Kind(url=RESPONSES, ask=CREATE | {"input": [output]}))
        (seen,) = stage.fake.seen.requests
    assert MARKER in json.dumps(seen["body"])
