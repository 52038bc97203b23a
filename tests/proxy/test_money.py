"""Caps, rate limits, holds and clamps through the real proxy."""

import json

import httpx
import pytest

from leash_addon.core.buckets import Bucket
from leash_addon.core.caps import Action, Cap
from leash_addon.core.holds import HoldMode, Holds
from leash_addon.core.journal import CallOpened
from leash_addon.core.limits import Ceiling, Limits
from leash_addon.core.money import usd
from leash_addon.core.rate_limits import RateLimit
from leash_addon.core.scopes import Scope, Target
from leash_addon.core.terms import Terms
from leash_addon.core.windows import WindowKind
from leash_addon.proxy.policy import Policy
from tests.proxy.world import RUN, MakeWorld, World

pytestmark = pytest.mark.asyncio

CHAT = "https://api.openai.com/v1/chat/completions"
BODY = {"model": "tiny", "messages": [{"role": "user", "content": "hi"}]}
"""A call of it comes to 2.5 cents; its answer is 15 tokens, a dollar buys a thousand."""


def capped(*per: Scope, max_cost: str = "0.05", **fields: object) -> Terms:
    """Return terms with one cap per day."""
    cap = Cap(
        target=Target(per=per or (Scope.ALL,)),
        window=WindowKind.DAY,
        ceiling=Ceiling(max_cost=usd(max_cost)),
        **fields,  # type: ignore[arg-type]
    )
    return Terms(caps=(cap,))


async def opened(world: World) -> list[CallOpened]:
    """Return the calls of the run as they were opened."""
    await world.writer.drain()
    entries = [entry for _, entry in world.ledger.entries(RUN)]
    return [entry for entry in entries if isinstance(entry, CallOpened)]


async def test_a_cap_answers_429_in_the_words_that_users_know(world: MakeWorld) -> None:
    """The refusal names scope, spent, limit and reset; it is final, and the run goes on."""
    async with world(terms=capped(Scope.USER)) as it, it.client() as client:
        client.headers["x-leash-user"] = "alice"
        for _ in range(2):
            await it.chat(client)
        refused = await it.chat(client)
        client.headers["x-leash-user"] = "bob"
        others = await it.chat(client)
    answer = refused.json()
    message = answer["error"]["message"]
    assert (refused.status_code, others.status_code) == (429, 200)
    assert (
        "Daily spend cap exceeded for user alice: $0.0500 of $0.0500 spent; it resets at" in message
    )
    assert answer["leash"]["account"].startswith("cap:user=alice|day:")
    assert answer["leash"]["resets_at"].endswith("Z")
    assert (refused.headers["x-leash-reason"], refused.headers["x-should-retry"]) == (
        "cap",
        "false",
    )


async def test_an_alert_refuses_nothing(world: MakeWorld) -> None:
    """``action = alert`` lets every call pass."""
    async with world(terms=capped(action=Action.ALERT)) as it, it.client() as client:
        assert [(await it.chat(client)).status_code for _ in range(4)] == [200] * 4


async def test_who_asks_is_on_record_and_no_key_is(world: MakeWorld) -> None:
    """Tags come from the proxy user; a key is there as a hash, the same for each of its calls."""
    async with world(terms=capped(Scope.KEY)) as it:
        proxy = f"http://{RUN};user=alice;feature=search:x@127.0.0.1:{it.port}"
        async with httpx.AsyncClient(proxy=proxy, verify=it.trust) as client:
            for key in ("sk-one", "sk-one", "sk-two"):
                client.headers["authorization"] = f"Bearer {key}"
                await it.chat(client)
        calls = await opened(it)
        keys = [call.tags.pop("key") for call in calls]
        assert [call.tags for call in calls] == [
            {"user": "alice", "feature": "search", "ip": "127.0.0.1"}
        ] * 3
        assert keys[0] == keys[1] != keys[2]
        await it.writer.drain()
        stored = b"".join(
            it.ledger.path.with_name(f"leash.db{end}").read_bytes() for end in ("", "-wal")
        )
    assert b"sk-one" not in stored


async def test_a_rate_limit_asks_to_come_back(world: MakeWorld) -> None:
    """The call beyond it meets 429 with an honest Retry-After, and the run is not stopped."""
    rate = RateLimit(requests=Bucket(units=2, seconds=60, burst=2))
    async with world(terms=Terms(rates=(rate,))) as it, it.client() as client:
        answers = [await it.chat(client) for _ in range(3)]
        stopped = it.ledger.balance(RUN).stopped
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 25 <= int(answers[2].headers["retry-after"]) <= 30
    assert (answers[2].headers["x-leash-reason"], stopped) == ("rate_limit", None)


async def test_a_short_wait_for_a_rate_limit_is_waited_out(world: MakeWorld) -> None:
    """What frees within ``wait`` delays a call and refuses none."""
    rate = RateLimit(requests=Bucket(units=5, seconds=1, burst=1))
    async with world(terms=Terms(rates=(rate,))) as it, it.client() as client:
        assert [(await it.chat(client)).status_code for _ in range(3)] == [200] * 3
        assert await it.refused() == []


async def test_a_clamp_lowers_the_request_to_what_is_left(world: MakeWorld) -> None:
    """With a dollar left, a request for 5000 tokens goes out asking for what a dollar buys."""
    terms = Terms(holds=Holds(mode=HoldMode.HARD, clamp=True))
    limits = Limits(max_cost=usd("2.00"))
    async with world(terms=terms, limits=limits) as it, it.client() as client:
        answer = await it.chat(client, max_tokens=5000, temperature=0.5)
        (seen,) = it.provider.requests
        (call,) = await opened(it)
    sent = json.loads(seen.body)
    lowered = sent.pop("max_tokens")
    assert (answer.status_code, sent) == (200, BODY | {"temperature": 0.5})
    assert 64 <= lowered < 2000
    assert usd("1.9") < call.hold <= usd("2.00")
    assert int(seen.headers["content-length"]) == len(seen.body)


async def test_hard_holds_refuse_what_could_cost_more(world: MakeWorld) -> None:
    """Without a clamp the same request is refused, and nothing goes upstream."""
    terms = Terms(holds=Holds(mode=HoldMode.HARD))
    limits = Limits(max_cost=usd("2.00"))
    async with world(terms=terms, limits=limits) as it, it.client() as client:
        refused = await it.chat(client, max_tokens=5000)
        assert (refused.status_code, len(it.provider.requests)) == (429, 0)
        assert refused.json()["error"]["code"] == "cost_budget"


async def test_a_signed_body_is_never_changed(world: MakeWorld) -> None:
    """A request under an AWS signature is refused rather than lowered."""
    terms = Terms(holds=Holds(mode=HoldMode.HARD, clamp=True))
    limits = Limits(max_cost=usd("2.00"))
    async with world(terms=terms, limits=limits) as it, it.client() as client:
        client.headers["authorization"] = "AWS4-HMAC-SHA256 Credential=AKIA1/x, Signature=0"
        refused = await it.chat(client, max_tokens=5000)
    assert refused.status_code == 429


async def test_a_clamped_stream_is_still_asked_for_its_usage(world: MakeWorld) -> None:
    """Lowering the limit and asking for usage change one body, each its own member."""
    terms = Terms(holds=Holds(clamp=True))
    limits = Limits(max_cost=usd("2.00"))
    policy = Policy(run=RUN, limits=limits)
    async with (
        world(terms=terms, limits=limits, policy=policy) as it,
        it.client() as client,
    ):
        await it.chat(client, max_tokens=5000, stream=True)
        (seen,) = it.provider.requests
    sent = json.loads(seen.body)
    assert sent["max_tokens"] < 5000
    assert sent["stream_options"] == {"include_usage": True}
