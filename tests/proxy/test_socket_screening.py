"""What clients say on WebSockets is screened, also where it asks for no turn yet."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection, serve

from leash_addon.core.part import Part
from leash_addon.core.screening import Action
from leash_addon.core.verdict import Reason
from leash_addon.proxy.screening import Screening
from tests.proxy.test_screening import BAD, MARKER, RULE, screening
from tests.proxy.test_sockets import CREATE, LIVE, REALTIME, RESPONSES, rest
from tests.proxy.world import RUN, MakeWorld, World

pytestmark = pytest.mark.asyncio

type Json = dict[str, Any]

USAGE = {"input_tokens": 10, "output_tokens": 15}
OUTPUT = {"type": "function_call_output", "call_id": "c1", "output": BAD}
SAID = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": BAD}]}
MESSAGES = {
    REALTIME: [
        (
            {"type": "conversation.item.create", "item": OUTPUT},
            (Part.TOOL_RESULT, "item.output"),
        ),
        (
            {"type": "conversation.item.create", "item": SAID},
            (Part.USER, "item.content[0].text"),
        ),
        (
            {"type": "session.update", "session": {"type": "realtime", "instructions": BAD}},
            (Part.SYSTEM, "session.instructions"),
        ),
        (
            {"type": "response.create", "response": {"input": [OUTPUT]}},
            (Part.TOOL_RESULT, "response.input[0].output"),
        ),
    ],
    LIVE: [
        (
            {"setup": {"model": "m", "systemInstruction": {"parts": [{"text": BAD}]}}},
            (Part.SYSTEM, "setup.systemInstruction.parts[0].text"),
        ),
        (
            {"clientContent": {"turns": [{"role": "user", "parts": [{"text": BAD}]}]}},
            (Part.USER, "clientContent.turns[0].parts[0].text"),
        ),
        (
            {"client_content": {"turns": {"parts": [{"text": BAD}]}, "turn_complete": False}},
            (Part.USER, "client_content.turns.parts[0].text"),
        ),
        (
            {"toolResponse": {"functionResponses": [{"id": "f", "response": {"output": [BAD]}}]}},
            (Part.TOOL_RESULT, "toolResponse.functionResponses[0].response.output[0]"),
        ),
        ({"realtimeInput": {"text": BAD}}, (Part.USER, "realtimeInput.text")),
    ],
    RESPONSES: [
        (
            {"type": "response.create", "model": "tiny", "generate": False, "input": [OUTPUT]},
            (Part.TOOL_RESULT, "input[0].output"),
        ),
    ],
}
"""Messages that hold the text, and the part and place that it stands in."""

EVERY = (Part.SYSTEM, Part.USER, Part.ASSISTANT, Part.TOOL_RESULT)
TURNS = {
    REALTIME: {"type": "response.create"},
    LIVE: {"clientContent": {"turns": [], "turnComplete": True}},
    RESPONSES: CREATE,
}


@dataclass(kw_only=True)
class Upstream:
    """A provider that keeps what it hears and answers what asks for a turn."""

    heard: list[Json] = field(default_factory=list)

    async def serve(self, socket: ServerConnection) -> None:
        """Take one connection."""
        async for data in socket:
            self.heard.append(json.loads(data))
            for answer in self._answers(self.heard[-1]):
                await socket.send(json.dumps(answer))

    def _answers(self, said: Json) -> list[Json]:
        if said.get("type") == "response.create":
            usage = None if said.get("generate") is False else USAGE
            made = {"id": f"r{len(self.heard)}", "model": "tiny", "usage": usage}
            return [
                {"type": "response.created", "response": made},
                {"type": "response.completed", "response": made | {"status": "completed"}},
                {"type": "response.done", "response": made | {"status": "completed"}},
            ]
        if {"clientContent", "client_content", "toolResponse"} & said.keys():
            counts = {"promptTokenCount": 10, "responseTokenCount": 15, "totalTokenCount": 25}
            return [{"serverContent": {"turnComplete": True}, "usageMetadata": counts}]
        return []


@dataclass(kw_only=True)
class Scene:
    """A proxy that screens, in front of such a provider."""

    it: World
    up: Upstream
    screens: Screening

    def act(self, action: Action) -> None:
        """Have every part of what clients send meet one action."""
        settings = screening(dict.fromkeys(EVERY, action)).settings
        self.screens.take(self.screens.engine, settings)

    def opened(self, url: str) -> connect:
        """Connect through the proxy."""
        proxy = f"http://{RUN}:secret@127.0.0.1:{self.it.port}"
        return connect(url, proxy=proxy, ssl=self.it.trust)

    async def findings(self) -> list[tuple[str, Part, str, Action]]:
        """Return what is on record."""
        await self.it.writer.drain()
        entries = self.it.ledger.findings()
        found = [each for entry in entries for each in entry.found]
        return [(each.rule, each.part, each.place, each.action) for each in found]


@asynccontextmanager
async def scene(world: MakeWorld) -> AsyncIterator[Scene]:
    """Run such a proxy and its provider."""
    up = Upstream()
    async with serve(up.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        screens = screening(dict.fromkeys(EVERY, Action.OBSERVE))
        async with world(url=f"http://127.0.0.1:{port}", screening=screens) as it:
            yield Scene(it=it, up=up, screens=screens)


async def taken(socket: ClientConnection, url: str) -> None:
    """Ask for a turn and wait for its end."""
    await socket.send(json.dumps(TURNS[url]))
    while not {"response.done", "usageMetadata"} & {*(said := json.loads(await socket.recv()))} | {
        said.get("type")
    }:
        pass


async def refused(socket: ClientConnection, url: str) -> None:
    """Hear why a message was refused: an error of Realtime, elsewhere the end."""
    if url == REALTIME:
        told = json.loads(await socket.recv())
        assert (told["type"], told["error"]["code"]) == ("error", "screening")
        return
    _, code, _ = await rest(socket)
    assert code == 1008


async def say(it: Scene, url: str, message: Json, *, passes: bool) -> None:
    """Send a message on a connection of its own, and wait for what comes of it."""
    async with it.opened(url) as socket:
        await socket.send(json.dumps(message))
        await (taken(socket, url) if passes else refused(socket, url))


@pytest.mark.parametrize("url", MESSAGES, ids=["realtime", "live", "responses"])
async def test_each_action_does_what_it_says_on_a_socket(world: MakeWorld, url: str) -> None:
    """A hostile message goes on as it is, with a marker or not at all, on record each time."""
    actions = (Action.OBSERVE, Action.REDACT, Action.REFUSE)
    async with scene(world) as it:
        for message, where in MESSAGES[url]:
            it.up.heard.clear()
            before = len(await it.findings())
            for action in actions:
                it.act(action)
                await say(it, url, message, passes=action is not Action.REFUSE)
            redacted = json.loads(json.dumps(message).replace(BAD, f"Please {MARKER} and sing."))
            assert it.up.heard == [message, TURNS[url], redacted, TURNS[url]]
            found = (await it.findings())[before:]
            assert found == [(RULE, *where, action) for action in actions]
        reasons = {entry.reason for entry in await it.it.refused()}
        assert reasons == {Reason.SCREENING}


async def test_what_is_refused_is_dropped_from_a_session_that_goes_on(world: MakeWorld) -> None:
    """A Realtime session outlives a hostile message, and hears nothing of it."""
    message = {"type": "conversation.item.create", "item": OUTPUT}
    async with scene(world) as it:
        it.act(Action.REFUSE)
        async with it.opened(REALTIME) as socket:
            for _ in range(2):
                await socket.send(json.dumps(message))
                await refused(socket, REALTIME)
            await taken(socket, REALTIME)
        assert it.up.heard == [TURNS[REALTIME]]


async def test_a_message_that_is_sent_again_is_on_record_once(world: MakeWorld) -> None:
    """What is found is on record before a turn is asked for, and once."""
    message = {"type": "conversation.item.create", "item": OUTPUT}
    async with scene(world) as it:
        async with it.opened(REALTIME) as socket:
            for _ in range(3):
                await socket.send(json.dumps(message))
            await taken(socket, REALTIME)
        assert len(await it.findings()) == 1


async def test_sound_is_not_looked_at(world: MakeWorld) -> None:
    """What is nothing but sound passes, also where its bytes would read as something else."""
    async with scene(world) as it:
        it.act(Action.REFUSE)
        sounds = {
            REALTIME: {"type": "input_audio_buffer.append", "audio": BAD},
            LIVE: {"realtimeInput": {"audio": {"data": BAD}}},
        }
        for url, sound in sounds.items():
            async with it.opened(url) as socket:
                await socket.send(json.dumps(sound))
                await taken(socket, url)
        assert it.up.heard[::2] == list(sounds.values())


async def test_a_message_that_nobody_can_read_is_refused(world: MakeWorld) -> None:
    """Where screening acts, what is no JSON does not go upstream."""
    async with scene(world) as it:
        it.act(Action.REFUSE)
        async with it.opened(REALTIME) as socket:
            await socket.send('{"type": "conversation.item.create", "item": {')
            told = json.loads(await socket.recv())
        assert (told["error"]["code"], it.up.heard) == ("screening", [])
