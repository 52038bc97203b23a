"""Limits hold under concurrency, and calls of one run still go upstream side by side."""

import asyncio
import ssl
from collections import Counter
from pathlib import Path

import httpx
import pytest

from leash_addon.cli.fakeprovider import Script
from tests.e2e.house import House
from tests.e2e.nursery import Nursery
from tests.e2e.provider import GatedProvider, providing, url_of
from tests.e2e.serving import serving

CALLS, LIMIT = 64, 10
URL = "https://api.openai.com/v1/chat/completions"
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.asyncio
@pytest.mark.parametrize("leashes", [1, 2], ids=["one proxy", "two proxies on one ledger"])
async def test_of_64_parallel_calls_exactly_10_reach_the_provider_and_overlap_there(
    tmp_path: Path, nursery: Nursery, leashes: int
) -> None:
    """The provider answers none before ten are in, so they pass only side by side; 54 get 429."""
    script = Script(input_tokens=10, output_tokens=10)
    with providing(lambda: GatedProvider(script, meant=LIMIT)) as fake:
        house = House(root=tmp_path, extra={"LEASH_UPSTREAM": url_of(fake)})
        flags = ("--max-calls", str(LIMIT))
        doors = [await serving(house, nursery, *flags) for _ in range(leashes)]
        root = house.home / ".leash" / "ca" / "root.pem"
        trust = ssl.create_default_context(cafile=str(root))
        clients = [
            httpx.AsyncClient(
                proxy=f"http://crowd:x@127.0.0.1:{door.port}",
                verify=trust,
                timeout=60,
                trust_env=False,
                limits=httpx.Limits(max_connections=None),
            )
            for door in doors
        ]
        calls = [clients[n % leashes].post(URL, json=QUESTION) for n in range(CALLS)]
        answers = await asyncio.gather(*calls)
        for client in clients:
            await client.aclose()
        for door in doors:
            assert door.end() == 0
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {200: LIMIT, 429: CALLS - LIMIT}
    assert (fake.seen.count, fake.seen.peak) == (LIMIT, LIMIT)
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.headers["x-leash-reason"] for answer in refused} == {"call_budget"}
    balance = house.balance("crowd")
    assert (balance.calls, balance.open_calls, balance.tokens.input) == (LIMIT, 0, 100)
    assert house.problems() == []
