"""Node's official OpenAI SDK through leash."""

import re
from collections.abc import Iterator

import pytest

from leash_addon.cli.fakeprovider import FakeProvider, Script
from leash_addon.core.journal import Tokens
from tests.e2e.environments import node_with
from tests.e2e.house import CLIENTS, House
from tests.e2e.provider import providing

SCRIPT = Script(input_tokens=700, output_tokens=70, text="Node hears this.")


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    """Serve a provider with a reply of its own."""
    with providing(lambda: FakeProvider(SCRIPT)) as fake:
        yield fake


def test_nodes_openai_sdk_is_governed_and_stops_at_the_first_refusal(
    house: House, fake: FakeProvider
) -> None:
    """Both turns are metered; refused, each sends one request and raises what users catch."""
    modules = node_with("openai")
    done = house.leash(
        *("--run", "node", "--max-calls", "2", "--"),
        *("node", CLIENTS / "openai_sdk.mjs", modules),
        env={"OPENAI_API_KEY": "sk-dummy"},
    )
    assert done.code == 3, done.err + done.out
    [told] = done.answers
    assert told["answers"] == {"plain": SCRIPT.text, "streamed": SCRIPT.text}
    assert (told["before"], fake.seen.count) == (2, 2)
    calls = house.settled("node")
    assert [call.tokens for call in calls] == [Tokens(input=700, output=70)] * 2
    refusals = list(told["refusals"].values())
    assert [one["requests"] for one in refusals] == [1, 1]
    assert [one["class"] for one in refusals] == ["OpenAI.RateLimitError"] * 2
    expected = re.escape("all 2 calls of the run are used (call_budget, run node")
    assert [re.search(expected, one["message"]) is not None for one in refusals] == [True, True]
