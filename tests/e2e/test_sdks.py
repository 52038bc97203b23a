"""The official Python SDKs through leash: plain, streamed, asynchronous, and refused."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from leash_addon.cli.fakeprovider import FakeProvider, Script
from leash_addon.core.journal import Tokens
from leash_addon.core.reading import Confidence
from tests.e2e.environments import python_with
from tests.e2e.house import CLIENTS, House
from tests.e2e.provider import UnendingProvider, providing, url_of

SCRIPT = Script(
    input_tokens=1_200,
    output_tokens=300,
    cached_tokens=200,
    reasoning_tokens=100,
    text="The fake provider greets you.",
)
TOKENS = Tokens(input=1_200, output=300, cache_read=200, reasoning=100)
ANTHROPIC_TOKENS = Tokens(input=1_200, output=300, cache_read=200)  # it never counts its thoughts


@dataclass(frozen=True, kw_only=True)
class Sdk:
    """One SDK: its script, its key, its turns, and what its users catch when it is refused."""

    package: str
    script: str
    key: str
    turns: int = 4
    catches: str
    tokens: Tokens = TOKENS


SDKS = [
    pytest.param(
        Sdk(
            package="openai",
            script="openai_sdk.py",
            key="OPENAI_API_KEY",
            turns=6,
            catches="openai.RateLimitError",
        ),
        id="openai",
    ),
    pytest.param(
        Sdk(
            package="anthropic",
            script="anthropic_sdk.py",
            key="ANTHROPIC_API_KEY",
            catches="anthropic.RateLimitError",
            tokens=ANTHROPIC_TOKENS,
        ),
        id="anthropic",
    ),
    pytest.param(
        Sdk(
            package="google-genai",
            script="google_sdk.py",
            key="GEMINI_API_KEY",
            catches="google.genai.errors.ClientError",
        ),
        id="google-genai",
    ),
]


@pytest.fixture
def fake() -> Iterator[FakeProvider]:
    """Serve a provider that reports every kind of token."""
    with providing(lambda: FakeProvider(SCRIPT)) as fake:
        yield fake


@pytest.mark.parametrize("sdk", SDKS)
def test_an_sdk_is_governed_and_stops_at_the_first_refusal(
    house: House, fake: FakeProvider, sdk: Sdk
) -> None:
    """Each turn is answered and metered; refused, it sends one request and raises its class."""
    done = house.leash(
        *("--run", "sdk", "--max-calls", str(sdk.turns), "--max-cost", "5"),
        *("--", python_with(sdk.package), CLIENTS / sdk.script),
        env={sdk.key: "sk-dummy"},
    )
    assert done.code == 3, done.err + done.out
    [told] = done.answers
    calls = house.settled("sdk")
    assert set(told["answers"].values()) == {SCRIPT.text}
    assert fake.seen.count == sdk.turns
    assert [call.tokens for call in calls] == [sdk.tokens] * sdk.turns
    assert {call.confidence for call in calls} == {Confidence.MEASURED}
    refusals = told["refusals"].values()
    assert [one["requests"] for one in refusals] == [1] * sdk.turns
    assert {one["class"] for one in refusals} == {sdk.catches}
    expected = re.escape(f"all {sdk.turns} calls of the run are used (call_budget, run sdk")
    assert [re.search(expected, one["message"]) is not None for one in refusals] == [
        True
    ] * sdk.turns
    assert told["sent"] == 2 * sdk.turns
    assert house.problems() == []


def test_a_stream_that_the_sdk_hangs_up_on_is_settled_with_its_full_usage(tmp_path: Path) -> None:
    """OpenAI's SDK leaves at [DONE] and the body never ends; the call counts all its tokens."""
    program = (
        "from openai import OpenAI\n"
        "chunks = OpenAI().chat.completions.create(model='gpt-4o', stream=True,"
        " messages=[{'role': 'user', 'content': 'hi'}])\n"
        "print(''.join(chunk.choices[0].delta.content or '' for chunk in chunks))"
    )
    with providing(lambda: UnendingProvider(SCRIPT)) as unending:
        house = House(root=tmp_path, extra={"LEASH_UPSTREAM": url_of(unending)})
        done = house.leash(
            *("--run", "left", "--", python_with("openai"), "-c", program),
            env={"OPENAI_API_KEY": "sk-dummy"},
        )
    [call] = house.settled("left")
    assert (done.code, done.out.strip()) == (0, SCRIPT.text), done.err
    assert (call.tokens, call.confidence) == (TOKENS, Confidence.MEASURED)
