"""Kill -9 in the middle of calls, again and again: totals go on, holds never leak."""

import asyncio
import contextlib
import os
import random
import signal
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from leash_addon.cli.fakeprovider import FakeProvider, Script
from leash_addon.cli.fakeprovider.http import Request
from leash_addon.core.journal import CallOpened, CallSettled, RunStarted, Tokens
from leash_addon.core.limits import Limits
from leash_addon.core.money import Instant
from leash_addon.core.reading import Confidence
from leash_addon.core.verdict import Reason
from leash_addon.ledger import open_ledger
from tests.e2e.house import House
from tests.e2e.nursery import Nursery
from tests.e2e.provider import providing, url_of
from tests.e2e.serving import Serving, serving

ROUNDS = 30
WORKERS = 6
SCRIPT = Script(input_tokens=100, output_tokens=20, chunks=4)
TOKENS = Tokens(input=100, output=20)
RUN, STOPPED = "crashing", "stopped"
URL = "https://api.openai.com/v1/chat/completions"
QUESTION = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}


@dataclass(kw_only=True)
class Trigger:
    """Kills a process when something has happened so many times."""

    pid: int = 0
    left: int = 0
    after: float = 0.0

    def set(self, pid: int, left: int, after: float) -> None:
        """Aim at a process: ``after`` seconds past the ``left``-th time."""
        self.pid, self.left, self.after = pid, left, after

    def happened(self) -> None:
        """Count; kill at the last."""
        self.left -= 1
        if self.left == 0 and self.pid:
            time.sleep(self.after)  # the point is to hit whatever comes next
            os.kill(self.pid, signal.SIGKILL)


class MinedProvider(FakeProvider):
    """Pulls the trigger as a request arrives: just after its admission, before its answer."""

    def __init__(self, trigger: Trigger) -> None:
        """Prepare."""
        super().__init__(SCRIPT)
        self._trigger = trigger

    async def _model_call(self, request: Request, known: str, writer: asyncio.StreamWriter) -> None:
        self._trigger.happened()
        await super()._model_call(request, known, writer)


@dataclass(kw_only=True)
class Site:
    """One ledger, the leashes that die on it, and what the clients know of it all.

    ``url``: where the ledger is, when that is not the house's file.
    """

    house: House
    nursery: Nursery
    fake: FakeProvider
    arrivals: Trigger
    answers: Trigger = field(default_factory=Trigger)
    attempts: int = 0
    whole: int = 0
    url: str = ""

    @property
    def db(self) -> Path | str:
        """Say where the ledger is."""
        return self.url or self.house.db

    async def serve(self, *flags: str) -> Serving:
        """Start the next ``leash serve``."""
        return await serving(self.house, self.nursery, *flags)

    def client(self, port: int, run: str) -> httpx.AsyncClient:
        """Return a client of one run."""
        root = self.house.home / ".leash" / "ca" / "root.pem"
        trust = ssl.create_default_context(cafile=str(root))
        return httpx.AsyncClient(
            proxy=f"http://{run}:x@127.0.0.1:{port}", verify=trust, timeout=30, trust_env=False
        )

    async def call(self, client: httpx.AsyncClient, *, stream: bool) -> int:
        """Make one call; return its status."""
        self.attempts += 1
        async with client.stream("POST", URL, json=QUESTION | {"stream": stream}) as answer:
            async for _ in answer.aiter_raw():
                self.answers.happened()
            self.whole += answer.status_code == 200
            return answer.status_code

    async def traffic(self, port: int, seed: int) -> None:
        """Make calls, JSON and streams, until leash is gone."""

        async def work(number: int) -> None:
            rng = random.Random(seed * 100 + number)  # noqa: S311 - not a secret
            async with self.client(port, RUN) as client:
                with contextlib.suppress(httpx.TransportError):
                    while True:
                        await self.call(client, stream=rng.random() < 0.5)

        await asyncio.gather(*(work(number) for number in range(WORKERS)))

    def check(self) -> Counter[Confidence]:
        """Hold the books against what the provider and the clients saw; count how calls ended."""
        with open_ledger(self.db) as ledger:
            entries = [entry for _, entry in ledger.entries(RUN)]
            balance, problems = ledger.balance(RUN), ledger.fsck()
        opened = [entry.call for entry in entries if isinstance(entry, CallOpened)]
        settled = [entry for entry in entries if isinstance(entry, CallSettled)]
        assert problems == []
        assert self.fake.seen.count <= balance.calls <= self.attempts
        assert (balance.open_calls, balance.held) == (0, 0)
        assert Counter(end.call for end in settled) == Counter(opened)
        assert len(opened) == balance.calls
        booked = {end.confidence: end.tokens for end in settled}
        assert booked.get(Confidence.MEASURED, TOKENS) == TOKENS
        assert set(booked) <= {Confidence.MEASURED, Confidence.HELD}
        held = [end for end in settled if end.confidence is Confidence.HELD]
        assert [end.cost for end in held] == [end.hold for end in held]
        return Counter(end.confidence for end in settled)


@pytest.fixture
def site(tmp_path: Path, nursery: Nursery) -> Iterator[Site]:
    """Prepare a ledger that is about to see many crashes."""
    arrivals = Trigger()
    with providing(lambda: MinedProvider(arrivals)) as fake:
        house = House(root=tmp_path, extra={"LEASH_UPSTREAM": url_of(fake)})
        yield Site(house=house, nursery=nursery, fake=fake, arrivals=arrivals)


async def stop_a_run(site: Site) -> None:
    """Stop one run by its limit, and let leash be killed right after."""
    leash = await site.serve("--max-calls", "1")
    async with site.client(leash.port, STOPPED) as client:
        assert [await site.call(client, stream=False) for _ in range(2)] == [200, 429]
    assert leash.end(signal.SIGKILL) == -signal.SIGKILL
    site.fake.seen.count = site.attempts = site.whole = 0


@pytest.mark.asyncio
async def test_a_leash_that_is_killed_thirty_times_never_loses_or_doubles_a_call(
    site: Site,
) -> None:
    """After each kill -9 the next start has every call once, no open hold, and the old stop."""
    await stop_a_run(site)
    for seed in range(ROUNDS):
        rng = random.Random(seed)  # noqa: S311 - not a secret
        leash = await site.serve()
        if seed:
            site.check()
        chosen = rng.choice([site.arrivals, site.answers])
        chosen.set(leash.pid, rng.randint(1, 30), rng.choice([0.0, rng.uniform(0, 0.01)]))
        await site.traffic(leash.port, seed)
        assert chosen.left <= 0  # nothing else ended the traffic
        assert site.nursery.wait(leash.pid) == -signal.SIGKILL
    leash = await site.serve()
    ended = site.check()
    assert ended[Confidence.HELD] >= ROUNDS  # every crash caught calls in flight
    seen, refused = site.fake.seen.count, site.attempts
    async with site.client(leash.port, STOPPED) as client:
        statuses = [await site.call(client, stream=False) for _ in range(2)]
    assert (statuses, site.fake.seen.count, site.attempts) == ([429, 429], seen, refused + 2)
    assert site.house.balance(STOPPED).stopped is Reason.CALL_BUDGET
    assert leash.end() == 0


def test_a_run_goes_on_after_its_leash_was_killed(house: House, fake: FakeProvider) -> None:
    """With ``leash run`` killed in a stream the call counts once, and the next stops at 3."""
    with house.agent("--run", "again", "--max-calls", "3") as talk:
        talk.call()
        talk.tell(stream=True, headers={"x-fake-gap-ms": "60000"})
        assert house.until(lambda: fake.seen.count == 2)
        talk.process.kill()
        talk.hear()
    with house.agent("--run", "again") as talk:
        statuses = [talk.call()["status"] for _ in range(2)]
        done = talk.end()
    calls = house.settled("again")
    assert (statuses, done.code) == ([200, 429], 3)
    assert (house.balance("again").calls, len(calls)) == (3, 3)
    assert sorted(call.confidence for call in calls) == ["held", "measured", "measured"]
    assert house.problems() == []


def test_six_leashes_that_start_at_once_in_an_empty_home_all_succeed(
    house: House, nursery: Nursery
) -> None:
    """Authority and ledger are made once, however many processes want them first."""
    files = [house.root / f"first-{number}" for number in range(6)]
    words = ("run", "--max-calls", "1", "--", "true")
    pids = [nursery.start(*words, env=house.env, errors=file) for file in files]
    codes = [nursery.wait(pid) for pid in pids]
    assert codes == [0] * 6, [file.read_text() for file in files]
    said = "".join(file.read_text() for file in files)
    assert said.count("made a certificate authority") == 1
    with open_ledger(house.db) as ledger:
        runs = ledger.runs(Instant(0))
    assert [standing.balance.limits for standing in runs] == [Limits(max_calls=1)] * 6
    assert len({standing.run for standing in runs}) == 6


def test_the_journal_keeps_who_governed_a_run(house: House) -> None:
    """Each leash that governs a run is on record once, with an owner of its own."""
    for _ in range(2):
        house.leash("--run", "twice", "--", "true")
    owners = [entry.owner for entry in house.entries("twice") if isinstance(entry, RunStarted)]
    assert (len(owners), len(set(owners))) == (2, 2)
