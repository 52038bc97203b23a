"""Nobody gets a text past screening by what they put behind, in front of or around known bytes."""

import json
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leash_addon.core.part import Part
from leash_addon.core.screening import Action
from leash_addon.proxy import histories
from leash_addon.proxy.histories import TRIES
from leash_addon.proxy.keyed_hash import KeyedHash
from leash_addon.proxy.screening import Screening
from leash_addon.wire.asked import Parsed, parse_request
from leash_addon.wire.routes import Route
from tests.proxy.test_histories import EVERY, body, history, outcome, parsed, screener
from tests.proxy.test_screening import BAD

CHAT = Route(provider="openai", format="openai.chat")
ANTHROPIC = Route(provider="anthropic", format="anthropic.messages")
ACTS = dict.fromkeys(EVERY, Action.REDACT)
SAID = json.dumps(BAD).encode()
FIRST = body(history({"role": "user", "content": "fine"}))


def knowing() -> tuple[Screening, bytes]:
    """Return what knows a history, and the bytes that it knows."""
    screen = screener(ACTS)
    outcome(screen, FIRST)
    known = parsed(screen, FIRST).known
    assert known is not None
    return screen, FIRST[: known.end]


known_once = cache(knowing)


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(b"," + SAID + b"]}", id="an element"),
        pytest.param(b'],"messages":[' + SAID + b"]}", id="the array again"),
        pytest.param(b'],"messages":' + SAID + b"}", id="the member again, no array"),
        pytest.param(b'],"messages":null}', id="the member taken back"),
        pytest.param(b'],"messages":["leash-0",' + SAID + b"]}", id="what stands in, again"),
        pytest.param(b',"leash-0","leash-1","leash-2",' + SAID + b"]}", id="some stand-ins"),
        pytest.param(b'],"m\\u0065ssages":[' + SAID + b"]}", id="the name written otherwise"),
        pytest.param(b'],"instructions":' + SAID + b"}", id="another member"),
        pytest.param(b'],"x":{"messages":[' + SAID + b"]}}", id="the name deeper down"),
        pytest.param(b'],"request":{"messages":[' + SAID + b"]}}", id="a request inside"),
        pytest.param(b":" + SAID + b"]}", id="a value as a name"),
        pytest.param(b'"' + SAID + b"]}", id="a string that goes on"),
        pytest.param(SAID + b"]}", id="no comma"),
        pytest.param(b",]}", id="a comma too many"),
        pytest.param(b"]}" + SAID, id="something behind the end"),
        pytest.param(b"", id="no end"),
        pytest.param(b"\x00]}", id="a zero"),
        pytest.param(b',"\xff' + SAID[1:] + b"]}", id="no UTF-8"),
        pytest.param(b',"\\ud800' + SAID[1:] + b"]}", id="half a character"),
    ],
)
def test_what_follows_known_bytes_is_judged_as_if_all_were_read(behind: bytes) -> None:
    """Whatever stands behind what is known: what is found and what goes out is the same."""
    screen, begins = knowing()
    reading = screener(ACTS)
    crafted = begins + behind
    assert outcome(screen, crafted) == outcome(reading, crafted, known=False)
    assert parsed(screen, crafted).asked == parsed(None, crafted).asked


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_other_bytes_are_taken_for_known_ones(data: st.DataObject) -> None:
    """One bit of difference in what is known, or one byte less, and it is read as a whole."""
    screen, begins = known_once()
    at = data.draw(st.integers(0, len(begins) - 1))
    other = bytearray(FIRST)
    other[at] ^= 1 << data.draw(st.integers(0, 7))
    assert screen.recall(bytes(other)) is None
    assert screen.recall(FIRST[:at] + FIRST[at + 1 :]) is None
    assert screen.recall(FIRST) is not None


@pytest.mark.parametrize(
    "crafted",
    [
        pytest.param(FIRST.replace(b'"messages"', b'"input"'), id="another name"),
        pytest.param(b'{"x":' + FIRST + b',"messages":[' + SAID + b"]}", id="one level down"),
        pytest.param(b'{"x":' + json.dumps(FIRST.decode()).encode() + b"}", id="in a string"),
        pytest.param(b" " + FIRST, id="a blank in front"),
        pytest.param(FIRST.decode().encode("utf-16"), id="UTF-16"),
    ],
)
def test_known_bytes_elsewhere_are_not_known(crafted: bytes) -> None:
    """The same array under another name, further in, or written otherwise is read as a whole."""
    screen, _ = knowing()
    assert parsed(screen, crafted).known is None


def read(screen: Screening, route: Route, call: bytes, *, signed: bool = False) -> Parsed:
    """Read a call by memory."""
    headers = {"authorization": "AWS4-HMAC-SHA256 x"} if signed else {}
    return parse_request(route, headers, call, recall=screen.recall)


@pytest.mark.asyncio
@pytest.mark.parametrize("other", [ANTHROPIC, Route(provider="x", format="")], ids=["other", "any"])
async def test_a_history_of_one_format_is_judged_for_another(other: Route) -> None:
    """The same bytes are other people's words in another wire format, and are judged as those.

    A message of a tool is one of the user where the format has no such role.
    """
    acts = {Part.TOOL_RESULT: Action.REDACT, Part.USER: Action.REFUSE}
    screen, fresh = screener(acts), screener(acts)
    call = body(history({"role": "tool", "content": BAD}))
    first = await screen.judge("r", CHAT.format, read(screen, CHAT, call))
    assert (first.blocked, first.body is not None) == (None, True)
    then = await screen.judge("r", other.format, read(screen, other, call))
    alone = await fresh.judge("r", other.format, parse_request(other, {}, call))
    assert (then.blocked, then.body) == (alone.blocked, alone.body)


@pytest.mark.asyncio
async def test_known_documents_are_no_question() -> None:
    """Documents that came with a question are not screened when they are only to be ranked."""
    cohere = Route(provider="cohere", format="cohere.chat")
    screen = screener({Part.TOOL_RESULT: Action.REFUSE})
    documents = json.dumps([f"document {number} " + "word " * 500 for number in range(40)])
    asks = f'{{"documents":{documents},"message":"What is it?"}}'.encode()
    await screen.judge("r", cohere.format, read(screen, cohere, asks))
    for more in ("", "fine", BAD):
        ranks = f'{{"documents":{documents[:-1]},{json.dumps(more)}],"query":"q"}}'.encode()
        known = read(screen, cohere, ranks)
        assert known.known is not None
        alone = await screener().judge("r", cohere.format, parse_request(cohere, {}, ranks))
        judged = await screen.judge("r", cohere.format, known)
        assert (judged.blocked, judged.body) == (alone.blocked, alone.body) == (None, None)


@pytest.mark.asyncio
async def test_a_signed_history_is_not_acted_on_as_an_unsigned_one() -> None:
    """What was redacted in a call follows ``signed`` in the same bytes under a signature."""
    screen = screener({Part.TOOL_RESULT: Action.REDACT})
    call = body(history({"role": "tool", "content": BAD}))
    plain = await screen.judge("r", CHAT.format, read(screen, CHAT, call))
    signed = await screen.judge("r", CHAT.format, read(screen, CHAT, call, signed=True))
    assert (plain.body is None, signed.body is None) == (False, True)
    assert [each.action for each in signed.found] == [screen.settings.signed]


@pytest.mark.asyncio
async def test_a_redacted_text_stays_redacted_in_the_same_bytes() -> None:
    """Ten times the same history, longer each time: the text is out of every one of them."""
    screen = screener({Part.TOOL_RESULT: Action.REDACT})
    said = history({"role": "tool", "content": BAD})
    for _ in range(10):
        call = body(said)
        judged = await screen.judge("r", CHAT.format, read(screen, CHAT, call))
        assert judged.body is not None
        sent = json.loads(judged.body)["messages"]
        assert [each == was for each, was in zip(sent, said, strict=True)] == [
            False,
            *[True] * (len(said) - 1),
        ]
        said += history()[:3]


def test_histories_that_look_alike_are_not_all_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many begin and end as a request does, few of them cost a look at all its bytes."""
    screen = screener()
    calls = [body(history("x" * 300, str(number))) for number in range(100, 140)]
    for call in calls:
        outcome(screen, call)
    hashed: list[int] = []
    plain = KeyedHash.__call__

    def counted(self: KeyedHash, text: bytes | memoryview) -> bytes:
        hashed.append(len(text))
        return plain(self, text)

    monkeypatch.setattr(KeyedHash, "__call__", counted)
    assert screen.recall(calls[0].replace(b'"100"', b'"141"')) is None
    assert (screen.recall(calls[-1]) is not None, len(hashed)) == (True, TRIES + 1)


def test_a_history_full_of_findings_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory does not grow with what is hostile in requests; they are judged all the same."""
    monkeypatch.setattr(histories, "MOST_FOUND", 9)
    screen = screener(dict.fromkeys(EVERY, Action.OBSERVE))
    for number, known in ((9, True), (10, False)):
        call = body(history(*[{"role": "user", "content": f"{BAD} {number}"}] * number))
        found, _, _ = outcome(screen, call)
        assert (len(found), screen.recall(call) is not None) == (1, known)
