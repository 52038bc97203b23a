"""Faults on cue: a broken hook refuses, a ledger that is away refuses, holds never leak."""

import asyncio

import pytest

from leash_addon.core.ask import Ask
from leash_addon.core.limits import Limits
from leash_addon.core.money import usd
from leash_addon.core.reading import Outcome
from leash_addon.errors import LedgerError
from leash_addon.ledger import LedgerWriter
from leash_addon.proxy import addon as addon_module
from leash_addon.proxy.governor import Governor
from leash_addon.proxy.identity import Identity
from leash_addon.proxy.intake import Reception
from leash_addon.proxy.policy import Policy
from tests.proxy.world import RUN, MakeWorld, Request, answer_json, chat_answer, until

pytestmark = pytest.mark.asyncio


def breaks(*_: object, **__: object) -> None:
    """Fail as no code of ours should."""
    message = "secret detail"
    raise RuntimeError(message)


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        pytest.param(Reception, "receive", id="requestheaders"),
        pytest.param(Identity, "caller", id="requestheaders, who calls"),
        pytest.param(addon_module, "parse", id="request"),
        pytest.param(Governor, "ask", id="governor"),
        pytest.param(Governor, "admit", id="admission"),
        pytest.param(addon_module, "ask_for_usage", id="after admission"),
    ],
)
async def test_broken_hook_refuses(
    world: MakeWorld, monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    """An exception in an admitting hook answers 503; the provider sees nothing, no hold stays."""
    monkeypatch.setattr(owner, name, breaks)
    async with world() as it, it.client() as client:
        answer = await it.chat(client, stream=True)
        await it.writer.drain()
        balance = it.ledger.balance(RUN)
        assert (answer.status_code, it.provider.requests, balance.open_calls) == (503, [], 0)
        assert answer.headers["x-leash-reason"] == "internal"
        assert "secret detail" not in answer.text


async def test_a_call_that_broke_after_its_admission_costs_nothing(
    world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that was opened and never forwarded is booked as unsent."""
    monkeypatch.setattr(addon_module, "ask_for_usage", breaks)
    async with world() as it, it.client() as client:
        await it.chat(client, stream=True)
        (settled,) = await it.settled()
    assert (settled.outcome, settled.cost) == (Outcome.UNSENT, 0)


async def test_no_ledger_no_call(world: MakeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger that cannot be written answers 503, and the next call goes through once it can."""
    admit = LedgerWriter.admit

    async def away(_: LedgerWriter, __: Ask) -> None:
        message = "disk full"
        raise LedgerError(message)

    async with world() as it, it.client() as client:
        monkeypatch.setattr(LedgerWriter, "admit", away)
        refused = await it.chat(client)
        seen = list(it.provider.requests)
        monkeypatch.setattr(LedgerWriter, "admit", admit)
        served = await it.chat(client)
    assert (refused.status_code, refused.headers["x-leash-reason"], seen) == (
        503,
        "ledger_unavailable",
        [],
    )
    assert served.status_code == 200


async def test_an_unreadable_account_does_not_stop_a_refusal(
    world: MakeWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal goes out without the account when that cannot be read."""
    monkeypatch.setattr(Governor, "account", breaks)
    async with world(limits=Limits(max_calls=1)) as it, it.client() as client:
        await it.chat(client)
        refused = await it.chat(client)
    assert (refused.status_code, refused.json()["error"]["reason"]) == (429, "call_budget")


async def test_a_call_waits_for_held_money(world: MakeWorld) -> None:
    """A call that only held money stands in the way of waits for it and then goes."""
    gate = asyncio.Event()

    async def slow(_: Request, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await answer_json(writer, chat_answer())

    limits = Limits(max_cost=usd("1.5"))
    async with world(answer=slow, limits=limits) as it, it.client() as client:
        first = asyncio.create_task(it.chat(client))
        await until(lambda: it.provider.at_once == 1)
        second = asyncio.create_task(it.chat(client))
        await asyncio.sleep(0.4)
        assert it.provider.at_once == 1
        gate.set()
        assert [(await first).status_code, (await second).status_code] == [200, 200]
        assert await it.refused() == []


async def test_a_call_does_not_wait_for_ever(world: MakeWorld) -> None:
    """When the wait is over, the refusal is passing: 429 with a time to come back."""
    gate = asyncio.Event()

    async def slow(_: Request, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await answer_json(writer, chat_answer())

    policy = Policy(run=RUN, wait=0.2)
    async with world(answer=slow, limits=Limits(max_inflight=1), policy=policy) as it:
        async with it.client() as client:
            first = asyncio.create_task(it.chat(client))
            await until(lambda: it.provider.at_once == 1)
            second = await it.chat(client)
            gate.set()
            await first
        (refused,) = await it.refused()
    assert (second.status_code, second.headers["retry-after"], refused.reason) == (
        429,
        "1",
        "in_flight",
    )


async def test_a_client_that_leaves_while_it_waits_costs_nothing(world: MakeWorld) -> None:
    """A client that hangs up before its call is forwarded leaves no hold and no bill."""
    gate = asyncio.Event()

    async def slow(_: Request, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await answer_json(writer, chat_answer())

    async with world(answer=slow, limits=Limits(max_inflight=1)) as it, it.client() as client:
        first = asyncio.create_task(it.chat(client))
        await until(lambda: it.provider.at_once == 1)
        async with it.client() as hasty:
            second = asyncio.create_task(it.chat(hasty))
            await asyncio.sleep(0.3)
            second.cancel()
            await asyncio.wait([second])
        gate.set()
        await first
        await until(lambda: it.ledger.balance(RUN).open_calls == 0)
        outcomes = [settled.outcome for settled in await it.settled()]
        assert (len(it.provider.requests), set(outcomes) - {Outcome.UNSENT}) == (
            1,
            {Outcome.COMPLETE},
        )
