"""A proxy that serves many runs: who is charged, subscriptions, WebSockets, remarks."""

import pytest
from mitmproxy.http import HTTPFlow

from leash_addon.core.ask import OnBlind
from leash_addon.core.limits import Limits
from leash_addon.core.money import usd
from leash_addon.core.reading import Confidence
from leash_addon.proxy.policy import Policy
from leash_addon.wire.routes import Upgrade
from tests.proxy.world import RUN, MakeWorld, World

pytestmark = pytest.mark.asyncio

UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}


async def test_each_run_has_its_own_account(world: MakeWorld) -> None:
    """Calls are charged to the run that their header names, each under the server's limits."""
    policy = Policy(limits=Limits(max_calls=1))
    async with world(policy=policy) as it, it.client(user="-") as client:
        statuses = []
        for run in ("one", "two", "one"):
            client.headers["x-loop-id"] = run
            statuses.append((await it.chat(client)).status_code)
        calls = [it.ledger.balance(run).calls for run in ("one", "two")]
    assert (statuses, calls) == ([200, 200, 429], [1, 1])


async def test_the_proxy_user_names_the_run(world: MakeWorld) -> None:
    """The user name of the proxy's address is the run."""
    async with world(policy=Policy()) as it, it.client() as client:
        await it.chat(client)
        assert it.ledger.balance(RUN).calls == 1


async def test_an_odd_run_id_is_answered_400(world: MakeWorld) -> None:
    """A run id that is none is the client's mistake; nothing is forwarded."""
    async with world(policy=Policy()) as it, it.client(user="-") as client:
        client.headers["x-loop-id"] = "no/such id"
        answer = await it.chat(client)
        assert (answer.status_code, it.provider.requests) == (400, [])


async def test_a_stopped_run_stays_stopped_for_a_new_server(world: MakeWorld) -> None:
    """A server with other limits does not revive a run that was stopped."""
    async with world(policy=Policy(limits=Limits(max_calls=1))) as it, it.client() as client:
        assert [(await it.chat(client)).status_code for _ in range(2)] == [200, 429]
    async with world(policy=Policy(limits=Limits(max_calls=5))) as it, it.client() as client:
        assert (await it.chat(client)).headers["x-leash-reason"] == "call_budget"


async def test_a_subscription_is_imputed(
    world: MakeWorld, caplog: pytest.LogCaptureFixture
) -> None:
    """An OAuth log-in's money is imputed, counts towards no budget, and is told of once."""
    async with world(limits=Limits(max_cost=usd("0.01"))) as it, it.client() as client:
        client.headers["authorization"] = "Bearer sk-ant-oat01-test"
        statuses = [(await it.chat(client)).status_code for _ in range(3)]
        settled = await it.settled()
        balance = it.ledger.balance(RUN)
    assert (statuses, {each.confidence for each in settled}) == (
        [200, 200, 200],
        {Confidence.IMPUTED},
    )
    assert (balance.spent, balance.imputed) == (0, 3 * usd("0.025"))
    told = [line for line in caplog.messages if "a subscription pays" in line]
    assert [line.partition(": ")[0] for line in told] == [f"run {RUN}"]


async def upgrade(it: World, path: str) -> int:
    """Ask for a WebSocket and return the status."""
    async with it.client() as client:
        answer = await client.get(f"https://api.openai.com{path}", headers=UPGRADE)
    return answer.status_code


async def test_codex_is_sent_from_its_websocket_to_post(world: MakeWorld) -> None:
    """A downgraded upgrade is answered 426, which makes codex fall back at once."""
    policy = Policy(run=RUN, websocket=Upgrade.DOWNGRADE)
    async with world(policy=policy) as it:
        assert (await upgrade(it, "/v1/responses"), it.provider.requests) == (426, [])


async def test_another_websocket_is_blind(world: MakeWorld) -> None:
    """A WebSocket that nobody meters is refused while dollars count."""
    async with world(limits=Limits(max_cost=usd("1"))) as it:
        assert (await upgrade(it, "/v1/other?model=x"), it.provider.requests) == (429, [])


async def test_a_websocket_may_pass_unmetered(world: MakeWorld) -> None:
    """Where blind calls are allowed, the upgrade goes through and counts as a call."""
    policy = Policy(run=RUN, on_blind=OnBlind.ALLOW)
    async with world(limits=Limits(max_cost=usd("1")), policy=policy) as it:
        assert (await upgrade(it, "/v1/other"), it.ledger.balance(RUN).calls) == (200, 1)


class Collector:
    """Keep the flows that passed."""

    def __init__(self) -> None:
        """Keep none yet."""
        self.flows: list[HTTPFlow] = []

    def response(self, flow: HTTPFlow) -> None:
        """Keep one."""
        self.flows.append(flow)


async def test_mitmweb_shows_what_became_of_a_flow(world: MakeWorld) -> None:
    """A governed flow says run, tokens and cost; a refused one is marked."""
    async with world(limits=Limits(max_calls=1), remarks=True) as it, it.client() as client:
        seen = Collector()
        assert it.proxy._master is not None
        it.proxy._master.addons.add(seen)
        await it.chat(client)
        await it.chat(client)
    passed, refused = seen.flows
    assert (passed.comment, passed.marked) == (
        f"leash: run {RUN} · tiny · 10 in, 15 out · $0.0250 (measured)",
        "",
    )
    assert (refused.comment, refused.marked) == (
        f"leash: run {RUN} · refused (call_budget)",
        ":no_entry:",
    )
