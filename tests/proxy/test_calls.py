"""Calls through the real proxy: admitted, metered, settled, refused."""

import asyncio
import gzip
import json

import brotli
import httpx
import pytest
import zstandard

from leash_addon.core.limits import Limits
from leash_addon.core.loops import Looking
from leash_addon.core.money import usd
from leash_addon.core.reading import Confidence, Outcome
from leash_addon.proxy.policy import Policy
from tests.proxy.world import RUN, MakeWorld, Request, answer_json, chat_answer, until

pytestmark = pytest.mark.asyncio


async def test_a_json_call_is_metered_and_settled(world: MakeWorld) -> None:
    """A plain call passes byte for byte and is booked at its reported usage."""
    async with world() as it, it.client() as client:
        answer = await it.chat(client)
        (settled,) = await it.settled()
    assert answer.content == chat_answer()
    assert (settled.cost, settled.confidence, settled.outcome) == (
        usd("0.025"),
        Confidence.MEASURED,
        Outcome.COMPLETE,
    )
    assert (settled.tokens.input, settled.tokens.output, settled.status) == (10, 15, 200)


async def test_the_provider_never_sees_our_headers(world: MakeWorld) -> None:
    """Proxy credentials and leash's own headers end at the proxy."""
    async with world() as it, it.client() as client:
        client.headers["x-loop-id"] = "other"
        client.headers["x-leash-token"] = "secret"
        await it.chat(client)
        (seen,) = it.provider.requests
    ours = {name for name in seen.headers if name.startswith(("x-leash", "x-loop", "proxy"))}
    assert ours == set()


async def test_the_fifth_call_is_refused(world: MakeWorld) -> None:
    """At 2.5 cents a call and a budget of 10 cents, four calls pass and no fifth goes upstream."""
    async with world(limits=Limits(max_cost=usd("0.10"))) as it, it.client() as client:
        statuses = [(await it.chat(client)).status_code for _ in range(6)]
        assert (statuses, len(it.provider.requests)) == ([200] * 4 + [429] * 2, 4)


async def test_a_refusal_carries_the_account(world: MakeWorld) -> None:
    """The error says in the provider's shape why, for which run, and what was spent."""
    async with world(limits=Limits(max_calls=1)) as it, it.client() as client:
        await it.chat(client)
        refused = await it.chat(client)
    error = refused.json()["error"]
    assert {
        key: error[key] for key in ("type", "code", "reason", "run", "calls", "total_cost")
    } == {
        "type": "rate_limit_error",
        "code": "call_budget",
        "reason": "call_budget",
        "run": RUN,
        "calls": 1,
        "total_cost": 0.025,
    }
    assert {
        name: refused.headers.get(name)
        for name in ("x-leash-reason", "x-leash-run", "x-should-retry", "retry-after")
    } == {
        "x-leash-reason": "call_budget",
        "x-leash-run": RUN,
        "x-should-retry": "false",
        "retry-after": None,
    }


async def test_ten_of_64_parallel_calls_reach_the_provider(world: MakeWorld) -> None:
    """Under a limit of 10 calls, exactly 10 of 64 at once go upstream, and they overlap there."""
    gate = asyncio.Event()

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await answer_json(writer, chat_answer())

    async with world(limits=Limits(max_calls=10), answer=answer) as it:
        async with it.client(limits=httpx.Limits(max_connections=64)) as client:
            calls = [asyncio.create_task(it.chat(client)) for _ in range(64)]
            await until(lambda: it.provider.at_once == 10)
            await until(lambda: sum(call.done() for call in calls) == 54)
            gate.set()
            statuses = [(await call).status_code for call in calls]
        assert (statuses.count(200), statuses.count(429)) == (10, 54)
        assert (len(it.provider.requests), it.provider.most_at_once) == (10, 10)
        assert len(await it.settled()) == 10


async def test_an_error_of_the_provider_costs_nothing(world: MakeWorld) -> None:
    """A 500 passes as it is and is booked at zero."""

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        await answer_json(writer, b'{"error":{"message":"no"}}', "500 Oops")

    async with world(answer=answer) as it, it.client() as client:
        answered = await it.chat(client)
        (settled,) = await it.settled()
    assert (answered.status_code, settled.cost, settled.status) == (500, 0, 500)


async def test_free_paths_are_no_calls(world: MakeWorld) -> None:
    """Listing models passes and is not counted."""
    async with world(limits=Limits(max_calls=1)) as it, it.client() as client:
        for _ in range(3):
            await client.get("https://api.openai.com/v1/models")
        assert (it.ledger.balance(RUN).calls, it.addon.coverage.free) == (0, 3)


async def test_an_unknown_model_is_refused_under_a_dollar_limit(world: MakeWorld) -> None:
    """Nothing is forwarded for a model that nobody prices while money counts."""
    async with world(limits=Limits(max_cost=usd("1"))) as it, it.client() as client:
        refused = await it.chat(client, model="no-such-model-anywhere")
        assert (refused.headers["x-leash-reason"], it.provider.requests) == ("unpriced_model", [])


async def test_an_unknown_path_is_blind(world: MakeWorld) -> None:
    """A POST that no rule knows is refused under a dollar limit, not free."""
    async with world(limits=Limits(max_cost=usd("1"))) as it, it.client() as client:
        refused = await client.post("https://api.openai.com/v1/new-thing", json={})
        assert (refused.headers["x-leash-reason"], it.provider.requests) == ("blind_endpoint", [])


async def test_a_base_url_client_needs_no_proxy_settings(world: MakeWorld) -> None:
    """A request for this listener itself goes to the provider that its path means."""
    async with world() as it:
        async with httpx.AsyncClient(trust_env=False) as plain:
            answer = await plain.post(
                f"http://127.0.0.1:{it.port}/v1/chat/completions",
                json={"model": "tiny", "messages": []},
            )
        (settled,) = await it.settled()
    assert (answer.status_code, settled.cost) == (200, usd("0.025"))


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_upstream_may_be_plain_or_tls(world: MakeWorld, scheme: str) -> None:
    """Another upstream is reached over HTTP and over verified TLS, with its own name as Host."""
    async with world(upstream=scheme) as it, it.client() as client:
        answer = await it.chat(client)
        assert (answer.status_code, it.provider.requests[0].headers["host"]) == (
            200,
            f"localhost:{it.provider.port}",
        )


async def test_a_body_reaches_the_provider_unchanged(world: MakeWorld) -> None:
    """A call that needs no usage option is forwarded byte for byte."""
    body = json.dumps({"model": "tiny", "messages": [{"content": "ü" * 1000}]}, indent=1).encode()
    async with world() as it, it.client() as client:
        url = "https://api.openai.com/v1/chat/completions"
        await client.post(url, content=body, headers={"content-type": "application/json"})
        assert it.provider.requests[0].body == body


async def test_a_leg_of_another_model_is_not_priced_as_the_one_asked_for(world: MakeWorld) -> None:
    """A pass by a model that nobody prices leaves the call unpriced, whatever was asked for."""
    message = {
        "type": "message",
        "id": "msg_1",
        "model": "tiny",
        "content": [{"type": "text", "text": "ok"}],
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 10,
            "output_tokens": 5,
            "iterations": [
                {"type": "message", "input_tokens": 10, "output_tokens": 5},
                {
                    "type": "advisor_message",
                    "model": "no-such-model",
                    "input_tokens": 900,
                    "output_tokens": 90,
                },
            ],
        },
    }

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        await answer_json(writer, json.dumps(message).encode())

    async with world(answer=answer) as it, it.client() as client:
        asked = {"model": "tiny", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
        await client.post("https://api.anthropic.com/v1/messages", json=asked)
        (settled,) = await it.settled()
    assert (settled.cost, settled.confidence) == (None, Confidence.UNPRICED)


async def test_a_tool_loop_of_two_turns_is_stopped(world: MakeWorld) -> None:
    """Two tool calls in turn, with words of their own each time, stop the run and are named."""
    turns = iter(range(9))

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        number = next(turns)
        tool = {"name": ("read", "edit")[number % 2], "arguments": '{"path": "a.py"}'}
        calls = [{"id": f"c{number}", "type": "function", "function": tool}]
        message = {"role": "assistant", "content": f"Step {number}", "tool_calls": calls}
        body = json.loads(chat_answer())
        body["choices"][0]["message"] = message
        await answer_json(writer, json.dumps(body).encode())

    async with world(limits=Limits(stall=3), answer=answer) as it, it.client() as client:
        answers = [await it.chat(client) for _ in range(7)]
    assert [each.status_code for each in answers] == [200] * 6 + [429]
    assert "the model called read and edit in turn" in answers[-1].json()["error"]["message"]


async def test_an_exempt_tool_may_be_called_the_same_way_again(world: MakeWorld) -> None:
    """An answer that only waits is no reply that repeats; the same one of another tool is."""

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        tool = {"name": json.loads(request.body)["user"], "arguments": "{}"}
        call = {"id": "c1", "type": "function", "function": tool}
        body = json.loads(chat_answer())
        body["choices"][0]["message"] = {"role": "assistant", "tool_calls": [call]}
        await answer_json(writer, json.dumps(body).encode())

    policy = Policy(run=RUN, looking=Looking(exempt=frozenset({"wait"})))
    tools = ["wait"] * 4 + ["read"] * 3
    governed = world(limits=Limits(stall=2), answer=answer, policy=policy)
    async with governed as it, it.client() as client:
        answers = [await it.chat(client, user=tool) for tool in tools]
    assert [each.status_code for each in answers] == [200] * 6 + [429]


@pytest.mark.parametrize("coding", ["zstd", "gzip", "br"])
async def test_an_encoded_request_is_held_at_its_plain_size(world: MakeWorld, coding: str) -> None:
    """What Codex sends in zstd is read: model, limit and hold are those of the plain body."""
    body = {"model": "tiny", "messages": [], "max_tokens": 7, "padding": "word " * 2_000}
    plain = json.dumps(body).encode()
    encode = {"zstd": zstandard.compress, "gzip": gzip.compress, "br": brotli.compress}[coding]
    url = "https://api.openai.com/v1/chat/completions"
    async with world() as it, it.client() as client:
        for content, headers in ((plain, {}), (encode(plain), {"content-encoding": coding})):
            await client.post(url, content=content, headers=headers)
        first, second = await it.settled()
        sent = it.provider.requests[1]
    assert (first.hold, len(sent.body) < 1_000) == (second.hold, True)
    assert (second.hold > usd("2"), second.model) == (True, "tiny")
