"""A gateway that is told to end while answers stream: what is cut, and what it is booked at."""

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from leash_addon.cli.fakeprovider import FakeProvider, Script
from leash_addon.core.journal import CallOpened
from leash_addon.core.reading import Confidence, Outcome
from tests.e2e.gateway import MASTER, QUESTION, Gateway, gateway
from tests.e2e.nursery import Nursery
from tests.e2e.provider import providing

pytestmark = pytest.mark.asyncio
TEXT = "so many words " * 100
SLOW = Script(input_tokens=2_000, output_tokens=2_000, text=TEXT, chunks=200, gap_ms=100)
CLAUDE = {**QUESTION, "model": "claude-sonnet-4-5", "max_tokens": 4_000}


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    """Serve a provider whose answers take many seconds."""
    with providing(lambda: FakeProvider(SLOW)) as fake:
        yield fake


async def begun(
    gate: Gateway, run: str, path: str, body: dict[str, object]
) -> asyncio.StreamWriter:
    """Open a stream, and leave it open once the first of its text has come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gate.leash.port)
    raw = json.dumps(body | {"stream": True}).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: gateway\r\ncontent-length: {len(raw)}\r\n"
    head += f"content-type: application/json\r\nx-leash-token: {MASTER}\r\nx-loop-id: {run}\r\n\r\n"
    writer.write(head.encode() + raw)
    await reader.readuntil(b"so many")
    return writer


async def test_what_drain_cuts_is_never_booked_below_what_is_known(
    tmp_path: Path, nursery: Nursery, provider: FakeProvider
) -> None:
    """A stream whose usage comes last is booked at its hold; one that told its input, at that."""
    gate = await gateway(tmp_path, nursery, provider, "--drain", "1s")
    clients = await asyncio.gather(
        begun(gate, "last", "/v1/chat/completions", QUESTION),
        begun(gate, "first", "/v1/messages", CLAUDE),
    )
    code = await asyncio.to_thread(gate.leash.end, signal.SIGTERM)
    assert (code, "cut 2 calls that did not end in time" in gate.log_text()) == (0, True)
    for client in clients:
        client.close()

    (chat,) = gate.house.settled("last")
    (opened,) = [one for one in gate.house.entries("last") if isinstance(one, CallOpened)]
    assert (chat.outcome, chat.confidence) == (Outcome.CUT, Confidence.HELD)
    assert chat.cost is not None
    assert 0 < opened.hold <= chat.cost

    (claude,) = gate.house.settled("first")
    assert (claude.outcome, claude.confidence) == (Outcome.CUT, Confidence.MEASURED)
    assert (claude.tokens.input, claude.tokens.output >= len("so many") // 4) == (2_000, True)
    assert gate.house.problems() == []
