"""Limits and caps change under a gateway that serves: files rewritten, signals sent, real calls."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from leash_addon.cli.fakeprovider import FakeProvider, Script
from tests.e2e.gateway import MASTER, Gateway, gateway
from tests.e2e.nursery import Nursery
from tests.e2e.provider import providing

pytestmark = pytest.mark.asyncio(loop_scope="module")
BEFORE = "max_body = '1m'\n[limits]\nmax_calls = 2\n[screening]\npacks = ['./pack.toml']\n"
PACK = """[pack]
name = "own"
version = 1

[[rule]]
id = "own.sing.song"
title = "Sing"
severity = 1
keywords = ["sing"]
any_of = ['sing a song']
why = "Nobody here is to."
examples.match = ["sing a song", "do sing a song"]
examples.no_match = ["a song", "nothing"]
"""
CAP = "[[cap]]\nper = 'user'\nmatch = { user = 'ann' }\nwindow = 'total'\nmax_calls = 1\n"


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeProvider]:
    """Serve one provider for the module."""
    with providing(lambda: FakeProvider(Script(input_tokens=20, output_tokens=20))) as fake:
        yield fake


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[(), ("--workers", "2")])
async def gate(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    nursery: Nursery,
    provider: FakeProvider,
) -> AsyncIterator[Gateway]:
    """Serve with a limit of two calls, from one process and from two."""
    root = tmp_path_factory.mktemp("renewal")
    (root / "work").mkdir()
    (root / "work" / "pack.toml").write_text(PACK)
    made = await gateway(root, nursery, provider, *request.param, toml=BEFORE)
    yield made
    assert made.leash.end() == 0


async def statuses(gate: Gateway, run: str, number: int, **tags: str) -> list[int]:
    """Make calls of a run, each on a connection of its own; return their statuses."""
    told = {f"x_leash_{name}": value for name, value in tags.items()}
    answers = [await gate.chat(x_leash_token=MASTER, x_loop_id=run, **told) for _ in range(number)]
    return [answer.status for answer in answers]


async def reload(gate: Gateway, text: str, sign: str) -> str:
    """Rewrite the configuration and signal; return the line that says what came of it."""
    known = gate.log_text().count("\n")
    gate.file.write_text(text)
    os.kill(gate.leash.pid, signal.SIGHUP)
    async with asyncio.timeout(60):
        while True:
            fresh = gate.log_text().splitlines()[known:]
            found = [line for line in fresh if sign in line]
            if found:
                return found[0]
            await asyncio.sleep(0.02)


async def settled(gate: Gateway, run: str, number: int, expected: int) -> None:
    """Wait until every worker goes by the new limits: calls of fresh runs end so."""
    async with asyncio.timeout(60):
        for each in range(1000):
            names = [f"{run}-{each}-{one}" for one in range(8)]
            found = [(await statuses(gate, name, number))[-1] for name in names]
            if found == [expected] * len(names):
                return
            await asyncio.sleep(0.05)


async def test_limits_and_caps_follow_the_file(gate: Gateway) -> None:
    """Higher limits hold for runs on record, too; lower ones and new caps as the README says."""
    assert await statuses(gate, "stopped", 3) == [200, 200, 429]
    assert await statuses(gate, "running", 1) == [200]
    assert await statuses(gate, "lifted", 1) == [200]
    assert gate.house.leash("raise", "lifted", "--max-calls", "0").code == 0

    said = await reload(gate, BEFORE.replace("= 2", "= 3").replace("1m", "2m"), "reloaded")
    assert "changed: max_calls 2 -> 3; only a restart takes max_body" in said
    await settled(gate, "higher", 3, 200)
    assert await statuses(gate, "running", 3) == [200, 200, 429]
    assert await statuses(gate, "stopped", 1) == [429]
    assert await statuses(gate, "lifted", 4) == [200] * 4

    assert await statuses(gate, "low", 1) == [200]
    said = await reload(gate, BEFORE.replace("= 2", "= 1") + CAP, "reloaded")
    assert "changed: max_calls 3 -> 1, [[cap]]" in said
    await settled(gate, "lower", 2, 429)
    assert await statuses(gate, "low", 3) == [200, 200, 429]
    assert await statuses(gate, "one-of-ann", 1, user="ann") == [200]
    assert await statuses(gate, "two-of-ann", 1, user="ann") == [429]
    assert gate.house.problems() == []


async def test_a_broken_edit_is_told_once_and_nothing_of_it_is_taken(gate: Gateway) -> None:
    """Whatever watches the file, and from how many processes: one line, and what was good holds."""
    before = gate.log_text().count("an edit is broken")
    said = await reload(gate, BEFORE.replace("max_calls", "max_cots") + CAP, "an edit is broken")
    assert "limits.max_cots: unknown key; did you mean 'max_cost'?" in said
    known = gate.log_text()
    await reload(gate, BEFORE + CAP, "reloaded")
    await settled(gate, "mended", 3, 429)
    text = gate.log_text()
    assert text.count("an edit is broken") == before + 1, known
    assert "screening goes on with the rules it had" not in text
