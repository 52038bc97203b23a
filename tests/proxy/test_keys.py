"""Virtual keys in flight: what the provider gets, what the client gets, and what never goes."""

import asyncio
import base64
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.http import HTTPFlow
from mitmproxy.http import Request as FlowRequest
from mitmproxy.proxy.mode_specs import ProxyMode
from mitmproxy.test import tflow

from leash_addon.config.packs import load_providers
from leash_addon.core.limits import Ceiling
from leash_addon.core.money import Instant, usd
from leash_addon.core.virtual_keys import PREFIX, Grant, VirtualKey
from leash_addon.core.windows import WindowKind
from leash_addon.ledger import StoredKey
from leash_addon.ledger.virtual_keys import add_key, change_key, hash_of
from leash_addon.proxy.keys import Keys
from leash_addon.proxy.policy import Policy
from leash_addon.proxy.refusals import Denial
from leash_addon.proxy.sigv4 import Pair, signed
from leash_addon.proxy.vault import seal
from tests.proxy.test_sockets import CREATE, RESPONSES, Kind, rest, staged, turn
from tests.proxy.world import (
    MASTER,
    MakeWorld,
    Request,
    World,
    answer_json,
    begin_events,
    chat_answer,
    chat_events,
    clock,
    send_chunk,
)

pytestmark = pytest.mark.asyncio

REAL = "sk-real-0123456789abcdefghijklmnop"
TOKEN = PREFIX + "T" * 43
OTHER = PREFIX + "U" * 43
CHAT = "https://api.openai.com/v1/chat/completions"
BODY = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}


def stored(token: str = TOKEN, real: str = "", **terms: Any) -> StoredKey:  # noqa: ANN401 - fields of a key
    """Make a virtual key that stands for the real one."""
    given: dict[str, Any] = {"name": "team-a", "providers": ("openai",), "created_at": clock()}
    key = VirtualKey(id=token[-8:], **(given | terms))
    sealed = seal(MASTER, key.id, key.providers, real or REAL)
    return StoredKey(key=key, hash=hash_of(token), sealed=sealed)


def give(it: World, **terms: Any) -> str:  # noqa: ANN401
    """Add a virtual key to the ledger; return it."""
    add_key(it.ledger.database, stored(**terms))
    return TOKEN


PLACES = (
    ("authorization", "Bearer {}"),
    ("authorization", "Token {}"),
    ("x-api-key", "{}"),
    ("api-key", "{}"),
    ("x-goog-api-key", "{}"),
)


async def test_the_provider_gets_its_own_key(world: MakeWorld) -> None:
    """In every header that a provider reads, lsh_ is exchanged, and nothing else of it changes."""
    async with world() as it, it.client() as client:
        token = give(it)
        for name, value in PLACES:
            await client.post(CHAT, json=BODY, headers={name: value.format(token)})
        got = [
            each.headers[name] for each, (name, _) in zip(it.provider.requests, PLACES, strict=True)
        ]
        assert got == [value.format(REAL) for _, value in PLACES]
        assert TOKEN not in str(it.provider.requests)


async def test_a_key_in_the_query_is_exchanged(world: MakeWorld) -> None:
    """Gemini's ?key= is exchanged too, whatever stands beside it."""
    async with world() as it, it.client() as client:
        token = give(it, providers=("gemini",))
        url = "https://generativelanguage.googleapis.com/v1beta/models/tiny:generateContent"
        await client.post(f"{url}?alt=json&key={token}&x=1", json={"contents": []})
        path = it.provider.requests[0].path
    assert path == f"/v1beta/models/tiny:generateContent?alt=json&key={REAL}&x=1"


BEARER = {"authorization": f"Bearer {TOKEN}"}
BAD: dict[str, tuple[dict[str, Any], dict[str, str], str, str]] = {
    "unknown": ({}, {"authorization": f"Bearer {OTHER}"}, "", "no such"),
    "revoked": ({"revoked_at": Instant(1)}, {"x-api-key": TOKEN}, "", "was revoked"),
    "expired": ({"expires_at": Instant(1)}, {"x-api-key": TOKEN}, "", "has expired"),
    "of others": ({"providers": ("groq", "xai")}, BEARER, "", "for groq, xai only"),
    "elsewhere": ({}, {"x-client-request-id": TOKEN}, "", "where no provider"),
    "in a query": ({}, {}, f"?callback={TOKEN}", "where no provider"),
    "in the path, coded": ({}, {}, f"/{TOKEN.replace('_', '%5F')}", "where no provider"),
    "also elsewhere": ({}, BEARER | {"cookie": TOKEN}, "", "where no provider"),
    "damaged": ({}, {"authorization": f"Bearer {TOKEN[:-5]}"}, "", "no whole"),
    "two": ({}, BEARER | {"api-key": OTHER}, "", "several"),
    "in basic": (
        {},
        {"authorization": "Basic " + base64.b64encode(f"{TOKEN}:".encode()).decode()},
        "",
        "where no provider",
    ),
    "signed": (
        {},
        {"authorization": f"AWS4-HMAC-SHA256 Credential={TOKEN}/20261122/us-east-1, x"},
        "",
        "no AWS key pair",
    ),
}
"""By name: the terms of the key, the request's headers, an addition to its path, what is said."""


async def test_no_bad_key_goes_upstream(world: MakeWorld) -> None:
    """A key that is no good is answered 401 with the reason, and nothing is sent."""
    async with world() as it, it.client() as client:
        give(it)
        found = {}
        for name, (terms, headers, path, why) in BAD.items():
            change_key(it.ledger.database, "team-a", lambda _, terms=terms: stored(**terms))
            answer = await client.post(CHAT + path, json=BODY, headers=headers)
            said = answer.json()["error"]
            assert why in said["message"], (name, said["message"])
            found[name] = (answer.status_code, said["code"], TOKEN in answer.text)
        assert (found, it.provider.requests) == (dict.fromkeys(BAD, (401, "auth", False)), [])


BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model/tiny%3A0"
PAIR = Pair(access="AKIAIOSFODNN7EXAMPLE", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SCOPE = "20200101/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00"


@pytest.mark.parametrize("path", ["converse", "converse-stream", "count-tokens"])
async def test_a_request_signed_with_a_virtual_key_is_signed_anew(
    world: MakeWorld, path: str
) -> None:
    """The provider gets a signature of the real pair over what it gets, calls or not."""
    body = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 Credential={TOKEN}/{SCOPE}",
        "x-amz-date": "20200101T000000Z",
        "x-amz-security-token": "the agent's own",
    }
    async with world() as it, it.client() as client:
        give(it, providers=("bedrock",), real=f"{PAIR.access}:{PAIR.secret}")
        answer = await client.post(f"{BEDROCK}/{path}", json=body, headers=headers)
        (got,) = it.provider.requests
    at = datetime.strptime(got.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    fields = [(name.encode(), value.encode()) for name, value in got.headers.items()]
    what = {"method": "POST", "target": got.path, "body": got.body, "region": "us-east-1"}
    again = dict(signed(PAIR, fields=fields, at=at, **what))  # type: ignore[arg-type]
    assert got.headers["authorization"].encode() == again[b"authorization"]
    assert f"Credential={PAIR.access}/" in got.headers["authorization"]
    assert (answer.status_code, json.loads(got.body)) == (200, body)
    assert [word for word in (TOKEN, PAIR.secret, "the agent's") if word in str(got)] == []


@pytest.mark.long
async def test_awss_own_client_signs_with_a_virtual_key(world: MakeWorld, tmp_path: Path) -> None:
    """Botocore takes the lsh_ key for both halves of a pair, and its call is signed anew."""
    pytest.importorskip("botocore", reason="botocore is not installed")
    from botocore.config import Config  # noqa: PLC0415
    from botocore.session import Session  # noqa: PLC0415

    async with world() as it:
        give(it, providers=("bedrock",), real=f"{PAIR.access}:{PAIR.secret}")
        root = tmp_path / "root.pem"
        root.write_bytes(it.authority.root_pem)
        proxies = {"https": f"http://127.0.0.1:{it.port}"}
        client = Session().create_client(
            "bedrock-runtime",
            region_name="us-east-1",
            aws_access_key_id=TOKEN,
            aws_secret_access_key=TOKEN,
            verify=str(root),
            config=Config(proxies=proxies, retries={"total_max_attempts": 1}),
        )
        asked = [{"role": "user", "content": [{"text": "hi"}]}]
        answer = await asyncio.to_thread(client.converse, modelId="tiny-v1:0", messages=asked)
        client.close()
        (got,) = it.provider.requests
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert f"Credential={PAIR.access}/" in got.headers["authorization"]
    assert TOKEN not in str(got)


async def test_bedrocks_own_api_keys_are_exchanged_like_others(world: MakeWorld) -> None:
    """A Bearer token that stands for one goes as that one."""
    async with world() as it, it.client() as client:
        give(it, providers=("bedrock",), real="ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl")
        bearer = {"authorization": f"Bearer {TOKEN}"}
        answer = await client.post(f"{BEDROCK}/converse", json={"messages": []}, headers=bearer)
        (got,) = it.provider.requests
    expected = "Bearer ABSKQmVkcm9ja0FQSUtleS1leGFtcGxl"
    assert (answer.status_code, got.headers["authorization"]) == (200, expected)


async def test_a_pair_signs_for_bedrock_alone(world: MakeWorld) -> None:
    """Elsewhere a pair is no key, and nothing is sent; the refusals have the provider's shape."""
    async with world() as it, it.client() as client:
        give(it, providers=("openai", "bedrock"), real=f"{PAIR.access}:{PAIR.secret}")
        bearer = {"authorization": f"Bearer {TOKEN}"}
        other = await client.post(CHAT, json=BODY, headers=bearer)
        change_key(it.ledger.database, "team-a", lambda _: stored(providers=("bedrock",)))
        sign = {"authorization": f"AWS4-HMAC-SHA256 Credential={TOKEN}/{SCOPE}"}
        wrong = await client.post(f"{BEDROCK}/converse", json={"messages": []}, headers=sign)
        assert it.provider.requests == []
    assert (other.status_code, "only requests to Bedrock" in other.text) == (401, True)
    assert (wrong.status_code, "no AWS key pair" in wrong.json()["message"]) == (401, True)


async def test_the_refusal_has_the_providers_shape(world: MakeWorld) -> None:
    """Anthropic's clients get Anthropic's authentication error."""
    async with world() as it, it.client() as client:
        answer = await client.post(
            "https://api.anthropic.com/v1/messages", json=BODY, headers={"x-api-key": TOKEN}
        )
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (401, "authentication_error")


async def test_free_requests_are_held_to_the_key_too(world: MakeWorld) -> None:
    """Listing models needs a good key, and gets the real one."""
    async with world() as it, it.client() as client:
        headers = {"authorization": f"Bearer {TOKEN}"}
        before = await client.get("https://api.openai.com/v1/models", headers=headers)
        give(it)
        after = await client.get("https://api.openai.com/v1/models", headers=headers)
        assert (before.status_code, after.status_code) == (401, 200)
        assert [each.headers["authorization"] for each in it.provider.requests] == [
            f"Bearer {REAL}"
        ]


async def test_a_revoked_key_stops_on_the_next_call(world: MakeWorld) -> None:
    """What another process writes into the ledger holds at once."""
    async with world() as it, it.client() as client:
        client.headers["authorization"] = f"Bearer {give(it)}"
        first = await it.chat(client)
        change_key(
            it.ledger.database,
            "team-a",
            lambda old: StoredKey(
                key=stored(revoked_at=clock()).key, hash=old.hash, sealed=old.sealed
            ),
        )
        second = await it.chat(client)
        assert (first.status_code, second.status_code, len(it.provider.requests)) == (200, 401, 1)


async def test_a_key_has_an_account_of_its_own(world: MakeWorld) -> None:
    """Its cap refuses once its name has spent it, whichever run calls, and no other key."""
    caps = {WindowKind.TOTAL: Ceiling(max_cost=usd("0.025"))}
    async with world(policy=Policy()) as it, it.client() as client:
        give(it, caps=caps)
        add_key(it.ledger.database, stored(OTHER, name="team-b", caps=caps))
        statuses = []
        for run, token in (("one", TOKEN), ("two", TOKEN), ("two", OTHER)):
            client.headers.update({"x-loop-id": run, "authorization": f"Bearer {token}"})
            answer = await it.chat(client)
            statuses.append((answer.status_code, answer.headers.get("x-leash-reason")))
            await it.writer.drain()
        accounts = {key for key, _ in it.ledger.cap_balances()}
    assert statuses == [(200, None), (429, "cap"), (200, None)]
    assert accounts == {
        "cap:key=team-a|key~team-a|total",
        "cap:key=team-b|key~team-b|total",
    }


async def test_a_changed_cap_holds_on_the_next_call(world: MakeWorld) -> None:
    """A raised cap lets the next call pass: nothing of the old terms is remembered."""
    async with world() as it, it.client() as client:
        give(it, caps={WindowKind.TOTAL: Ceiling(max_calls=1)})
        client.headers["authorization"] = f"Bearer {TOKEN}"
        statuses = [(await it.chat(client)).status_code for _ in range(2)]
        raised = stored(caps={WindowKind.TOTAL: Ceiling(max_calls=2)})
        change_key(it.ledger.database, "team-a", lambda _: raised)
        statuses += [(await it.chat(client)).status_code for _ in range(2)]
    assert statuses == [200, 429, 200, 429]


@pytest.mark.parametrize(
    ("model", "status"),
    [
        pytest.param("tiny", 200, id="named"),
        pytest.param("TINY", 200, id="blind to case"),
        pytest.param("huge", 429, id="another"),
    ],
)
async def test_a_key_is_for_its_models(model: str, status: int, world: MakeWorld) -> None:
    """A model that no glob of the key fits is refused."""
    async with world() as it, it.client() as client:
        give(it, models=("ti*", "mini"))
        client.headers["authorization"] = f"Bearer {TOKEN}"
        answer = await it.chat(client, model=model)
        assert (answer.status_code, len(it.provider.requests)) == (status, int(status == 200))


async def test_an_echo_loses_the_key(world: MakeWorld) -> None:
    """A provider that sends headers back, and says what key it got, gives nothing away."""

    async def echo(request: Request, writer: asyncio.StreamWriter) -> None:
        got = request.headers["authorization"]
        body = f'{{"error": "bad key: {got}"}}'.encode()
        await answer_json(writer, body, f"400 {got}", extra=f"x-got: {got}\r\n")

    async with world(answer=echo) as it, it.client() as client:
        client.headers["authorization"] = f"Bearer {give(it)}"
        answer = await it.chat(client)
    stars = "Bearer " + "*" * len(REAL)
    assert (answer.status_code, answer.headers["x-got"]) == (400, stars)
    assert answer.json() == {"error": f"bad key: {stars}"}
    assert REAL not in answer.reason_phrase


async def test_a_coded_echo_loses_the_key(world: MakeWorld) -> None:
    """A provider that codes its answer although it was asked not to is read all the same."""

    async def echo(request: Request, writer: asyncio.StreamWriter) -> None:
        assert request.headers["accept-encoding"] == "identity"
        body = chat_answer().replace(b"hello", REAL.encode())
        await answer_json(writer, gzip.compress(body), extra="content-encoding: gzip\r\n")

    async with world(answer=echo) as it, it.client() as client:
        client.headers["authorization"] = f"Bearer {give(it)}"
        answer = await it.chat(client)
        settled = await it.settled()
    said = answer.json()["choices"][0]["message"]["content"]
    assert (said, settled[0].cost) == ("*" * len(REAL), usd("0.025"))


async def test_an_unreadable_coding_is_refused(world: MakeWorld) -> None:
    """An answer that cannot be looked over does not pass."""

    async def odd(_: Request, writer: asyncio.StreamWriter) -> None:
        await answer_json(writer, REAL.encode(), extra="content-encoding: x-odd\r\n")

    async with world(answer=odd) as it, it.client() as client:
        client.headers["authorization"] = f"Bearer {give(it)}"
        answer = await it.chat(client)
    assert (answer.status_code, REAL in answer.text) == (502, False)


async def test_a_malformed_echo_loses_the_key(world: MakeWorld) -> None:
    """What mitmproxy says of a broken answer shows no key either."""

    async def broken(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 200 OK\r\n{REAL} \r\nx\r\n\r\n".encode())
        await writer.drain()

    async with world(answer=broken) as it, it.client() as client:
        client.headers["authorization"] = f"Bearer {give(it)}"
        answer = await it.chat(client)
    assert (answer.status_code, REAL in answer.text) == (502, False)


async def test_a_stream_is_metered_and_passes_whole(world: MakeWorld) -> None:
    """A streamed answer under a virtual key reaches the client as it was sent, and is priced."""

    async def stream(_: Request, writer: asyncio.StreamWriter) -> None:
        await begin_events(writer)
        for event in chat_events():
            await send_chunk(writer, event)
        await send_chunk(writer, b"")

    async with world(answer=stream) as it, it.client() as client:
        client.headers["authorization"] = f"Bearer {give(it)}"
        options = {"stream": True, "stream_options": {"include_usage": True}}
        answer = await it.chat(client, **options)
        settled = await it.settled()
    assert (answer.content, settled[0].cost) == (b"".join(chat_events()), usd("0.025"))


async def test_a_row_for_another_provider_is_not_believed(world: MakeWorld) -> None:
    """Whoever writes into the ledger cannot send a key elsewhere: it does not open."""
    async with world() as it, it.client() as client:
        give(it, providers=("anthropic",))
        it.ledger.database.query("SELECT 1")
        moved = stored(providers=("openai",)).key
        change_key(
            it.ledger.database,
            "team-a",
            lambda old: StoredKey(key=moved, hash=old.hash, sealed=old.sealed),
        )
        client.headers["authorization"] = f"Bearer {TOKEN}"
        answer = await it.chat(client)
        assert (answer.status_code, it.provider.requests) == (503, [])


async def test_flows_hold_a_placeholder(world: MakeWorld) -> None:
    """What hooks, mitmweb and dumps see of a flow has neither key in it, at any moment."""
    seen: list[str] = []

    class Spy:
        """Looks at each flow as other addons do."""

        def look(self, flow: HTTPFlow) -> None:
            """Remember a flow's whole state."""
            seen.append(repr(flow.get_state()))  # type: ignore[no-untyped-call]

        request = responseheaders = response = error = look

    async def echo(request: Request, writer: asyncio.StreamWriter) -> None:
        await answer_json(writer, chat_answer(), extra=f"x-got: {request.headers['api-key']}\r\n")

    async with world(answer=echo) as it, it.client() as client:
        assert it.proxy._master is not None
        it.proxy._master.addons.add(Spy())  # type: ignore[no-untyped-call]
        await client.post(CHAT, json=BODY, headers={"api-key": give(it)})
    assert len(seen) == 3
    assert [(REAL in each, TOKEN in each) for each in seen] == [(False, False)] * 3
    assert f"{PREFIX}{TOKEN[-8:]}.hidden" in seen[0]


async def test_a_revoked_key_ends_a_websocket_at_its_next_turn(world: MakeWorld) -> None:
    """The upgrade bears the real key, each turn is a call of the key's, and revoking stops it."""
    async with staged(world) as stage:
        database = stage.it.ledger.database
        give(stage.it, caps={WindowKind.TOTAL: Ceiling(max_calls=5)})
        kind = Kind(url=RESPONSES, ask=CREATE)
        async with stage.conversing(kind, authorization=f"Bearer {TOKEN}") as socket:
            await turn(socket, kind)
            change_key(database, "team-a", lambda _: stored(revoked_at=clock()))
            await socket.send(json.dumps(CREATE))
            (refused, *_), *_ = await rest(socket)
        sent = [dict(one["headers"]) for one in stage.fake.seen.requests]  # type: ignore[call-overload]
        balances = {key: balance.calls for key, balance in stage.it.ledger.cap_balances()}
    assert "was revoked" in json.dumps(refused)
    assert [headers["authorization"] for headers in sent] == [f"Bearer {REAL}"]
    assert balances == {"cap:key=team-a|key~team-a|total": 1}


class Shelf:
    """One key."""

    async def find_key(self, token: str) -> StoredKey | None:
        """Find it."""
        return stored() if token == TOKEN else None


@pytest.mark.parametrize(
    ("mode", "url", "good"),
    [
        pytest.param("regular", "https://api.openai.com", True, id="the provider over TLS"),
        pytest.param("regular", "http://api.openai.com", False, id="in the clear"),
        pytest.param("regular", "https://evil.example", False, id="another host, claimed by names"),
        pytest.param("regular", "https://api.anthropic.com", False, id="another provider's host"),
        pytest.param("regular", "https://203.0.113.7", False, id="an address"),
        pytest.param("transparent", "https://203.0.113.7", True, id="an address, sent to by TLS"),
        pytest.param("transparent", "http://203.0.113.7", False, id="an address, in the clear"),
    ],
)
async def test_the_key_goes_only_to_the_providers_address(mode: str, url: str, good: bool) -> None:
    """What is connected to decides, not what a Host header or the name in a TLS hello claims."""
    rules = load_providers()
    rule = rules.find("openai")
    assert rule is not None
    keys = Keys(Shelf(), rules, Policy(), master=lambda: MASTER, clock=clock)
    flow = tflow.tflow()
    flow.client_conn.sni = "api.openai.com"
    flow.client_conn.proxy_mode = ProxyMode.parse(mode)
    path = "/v1/chat/completions"
    flow.request = FlowRequest.make("POST", url + path, headers={"x-api-key": TOKEN})
    flow.request.headers["host"] = "api.openai.com"
    judged = await keys.admit(flow, rule)
    assert isinstance(judged, Grant if good else Denial)
    assert (flow.id in keys.swaps) == good
