"""Uploaded files through the real proxy: screened before they go upstream."""

import gzip
import json
import threading
from collections.abc import AsyncIterator, Mapping

import httpx
import pytest

from leash_addon.core.part import Part
from leash_addon.core.screening import Action
from leash_addon.core.verdict import Reason
from leash_addon.proxy import uploads
from leash_addon.wire import asked
from leash_addon.wire.coding import Decoder, decoder
from tests.proxy.test_screening import BAD, MARKER, RULE, screening
from tests.proxy.world import MakeWorld

pytestmark = pytest.mark.asyncio

FILES = "https://api.openai.com/v1/files"
GEMINI = "https://generativelanguage.googleapis.com/upload/v1beta/files"
BINARY = bytes(range(256)) * 8


async def upload(
    client: httpx.AsyncClient, text: bytes, kind: str = "text/markdown"
) -> httpx.Response:
    """Upload a file as OpenAI's and Anthropic's clients do."""
    files = {"file": ("notes", text, kind)}
    return await client.post(FILES, data={"purpose": "user_data"}, files=files)


@pytest.mark.parametrize("kind", ["text/markdown", "application/octet-stream", "image/png"])
async def test_a_hostile_file_is_refused(world: MakeWorld, kind: str) -> None:
    """A text in which a rule fires does not go upstream, whatever type it is said to have."""
    screen = screening({Part.TOOL_RESULT: Action.REFUSE})
    async with world(screening=screen) as it, it.client() as client:
        refused = await upload(client, b"# Notes\n\n" + BAD.encode(), kind)
        passed = await upload(client, b"# Notes\n\nNothing of interest.", kind)
        (entry,) = await it.refused()
        found = [each.rule for one in it.ledger.findings() for each in one.found]
        requests = [request.path for request in it.provider.requests]
    assert (refused.status_code, refused.json()["error"]["rule"]) == (403, RULE)
    assert refused.json()["error"]["place"] == "files[1]"
    assert "Go on without that file" in refused.json()["error"]["message"]
    assert (passed.status_code, requests) == (200, ["/v1/files"])
    assert (entry.reason, found) == (Reason.SCREENING, [RULE])


async def test_a_raw_upload_is_screened(world: MakeWorld) -> None:
    """Gemini's uploads are the file itself."""
    screen = screening({Part.TOOL_RESULT: Action.REFUSE})
    async with world(screening=screen) as it, it.client() as client:
        refused = await client.post(GEMINI, params={"upload_id": "u"}, content=BAD.encode())
        assert (refused.status_code, it.provider.requests) == (403, [])


@pytest.mark.parametrize(
    ("action", "status", "unread"), [(Action.REFUSE, 403, 0), (Action.ANNOTATE, 200, 1)]
)
async def test_a_file_of_unannounced_size_is_read_where_it_may_be_refused(
    world: MakeWorld, action: Action, status: int, unread: int
) -> None:
    """Sending a file in chunks is no way past a refusal; elsewhere it streams through, counted."""

    async def chunks() -> AsyncIterator[bytes]:
        yield BAD.encode()

    screen = screening({Part.TOOL_RESULT: action})
    async with world(screening=screen) as it, it.client() as client:
        answer = await client.post(GEMINI, params={"upload_id": "u"}, content=chunks())
        assert (answer.status_code, it.addon.coverage.unread) == (status, unread)


KEPT = [
    pytest.param("threads/t1/messages", {"role": "user", "content": BAD}, id="thread"),
    pytest.param(
        "conversations/c1/items", {"items": [{"role": "user", "content": BAD}]}, id="item"
    ),
    pytest.param("assistants", {"model": "m", "instructions": BAD}, id="assistant"),
    pytest.param("realtime/client_secrets", {"session": {"instructions": BAD}}, id="session"),
]


@pytest.mark.parametrize(("path", "body"), KEPT)
async def test_words_that_are_kept_for_later_are_screened(
    world: MakeWorld, path: str, body: dict[str, object]
) -> None:
    """What a later call only points at is changed or refused when it is left with the provider."""
    every = (Part.USER, Part.SYSTEM)
    screen = screening(dict.fromkeys(every, Action.REDACT))
    url = f"https://api.openai.com/v1/{path}"
    async with world(screening=screen) as it, it.client() as client:
        changed = await client.post(url, json=body)
        screen.take(screen.engine, screening(dict.fromkeys(every, Action.REFUSE)).settings)
        refused = await client.post(url, json=body)
        (request,) = it.provider.requests
    assert (changed.status_code, refused.status_code) == (200, 403)
    assert MARKER in request.body.decode()


@pytest.mark.parametrize("action", [Action.OBSERVE, Action.ANNOTATE, Action.REDACT])
async def test_a_file_that_passes_keeps_its_bytes(world: MakeWorld, action: Action) -> None:
    """What is found is on record at once, and once; the file is not touched."""
    screen = screening({Part.TOOL_RESULT: action})
    async with world(screening=screen) as it, it.client() as client:
        for _ in range(2):
            await upload(client, BAD.encode())
        found = [each for entry in it.ledger.findings() for each in entry.found]
        assert BAD.encode() in it.provider.requests[0].body
    assert [(each.rule, each.part, each.action) for each in found] == [
        (RULE, Part.TOOL_RESULT, Action.OBSERVE)
    ]


@pytest.mark.parametrize(
    ("actions", "text", "unread"),
    [
        pytest.param({Part.TOOL_RESULT: Action.REFUSE}, BINARY, 1, id="binary"),
        pytest.param({Part.TOOL_RESULT: Action.REFUSE}, b"x" * 5_000, 1, id="too large"),
        pytest.param({Part.TOOL_RESULT: Action.OFF}, BAD.encode(), 0, id="not looked at"),
    ],
)
async def test_what_is_passed_over_is_counted(
    world: MakeWorld,
    monkeypatch: pytest.MonkeyPatch,
    actions: Mapping[Part, Action],
    text: bytes,
    unread: int,
) -> None:
    """A file that is no text, or too large, goes upstream as it is and is counted."""
    monkeypatch.setattr(uploads, "MOST", 4_000)
    async with world(screening=screening(actions)) as it, it.client() as client:
        answer = await upload(client, text)
        assert text in it.provider.requests[0].body
        assert (answer.status_code, it.addon.coverage.unread) == (200, unread)
        assert it.addon.coverage.free == 1


@pytest.mark.parametrize("path", ["threads/t1/messages", "files"])
async def test_what_is_coded_is_decoded_beside_the_event_loop(
    world: MakeWorld, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Few bytes may come to very many, in what is left for later, too: nobody waits for that."""
    threads: list[int] = []

    def noted(coding: str, **bounds: int) -> Decoder:
        threads.append(threading.get_ident())
        return decoder(coding, **bounds)

    monkeypatch.setattr(asked, "decoder", noted)
    text = "".join(f"{number} words. " for number in range(2_000)) + BAD
    body = gzip.compress(json.dumps({"role": "user", "content": text}).encode())
    screen = screening({Part.TOOL_RESULT: Action.REFUSE, Part.USER: Action.REFUSE})
    async with world(screening=screen) as it, it.client() as client:
        kind = "application/json" if path != "files" else "multipart/form-data"
        headers = {"content-encoding": "gzip", "content-type": kind}
        url = f"https://api.openai.com/v1/{path}"
        answer = await client.post(url, content=body, headers=headers)
    assert (answer.status_code, threading.get_ident() in threads) == (403, False)
