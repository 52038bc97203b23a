"""The ledger goes away and comes back under live traffic through a real proxy."""

import asyncio
import random
import resource
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from scripts.chaosing.caller import INPUT, OK, Caller
from scripts.chaosing.proxied import sent_calls
from scripts.chaosing.site import Site, site
from scripts.chaosing.world import TOKEN

MODES = ("immediate", "fast")
"""How the server is stopped, in turns: as a crash, and as an administrator does."""

ENOUGH = 30
"""Answers of one kind that a phase waits for, so that every client has met it."""

RUN = "through"
UNAVAILABLE = "503 ledger_unavailable"


@dataclass(kw_only=True)
class Load:
    """Clients that call for ever, and what they were answered: ``200``, or status and reason."""

    port: int
    told: Counter[str] = field(default_factory=Counter)
    bodies: set[bytes] = field(default_factory=set)
    tokens: int = 0
    stopping: bool = False

    async def client(self, number: int) -> None:
        """Make one call after the other, every third one streamed."""
        rng = random.Random(number)  # noqa: S311 - chance, not a secret
        async with Caller(self.port) as caller:
            while not self.stopping:
                output, stream = rng.randint(10, 1_000), rng.random() < 1 / 3
                answer = await caller.call(
                    RUN, output=output, most=1_000, delay_ms=rng.randrange(20), stream=stream
                )
                self.told[f"{answer.status} {answer.reason}".strip()] += 1
                if answer.status == OK:
                    self.tokens += INPUT + output
                else:
                    self.bodies.add(answer.body)
                    await asyncio.sleep(0.02)

    async def until(self, what: str) -> float:
        """Wait until clients were told something more often; return the seconds it took."""
        began, enough = time.monotonic(), self.told[what] + ENOUGH
        async with asyncio.timeout(60):
            while self.told[what] < enough:  # noqa: ASYNC110 - a count, not an event
                await asyncio.sleep(0.01)
        return time.monotonic() - began


def outage(rounds: int = 6, clients: int = 16, *, durable: bool = True) -> dict[str, object]:
    """Stop and start PostgreSQL so often; return what clients, provider and ledger say of it."""
    with site(postgres=True, durable=durable) as made:
        server = made.server
        assert server is not None
        return asyncio.run(
            _outage(
                made,
                rounds,
                clients,
                lambda turn, _: server.stop(MODES[turn % len(MODES)]),
                lambda _: server.start(durable=durable),
            )
        )


def full(rounds: int = 6, clients: int = 16) -> dict[str, object]:
    """Let the proxy write nothing to any file (RLIMIT_FSIZE) so often; the same must be so."""
    with site() as made:
        free = resource.getrlimit(resource.RLIMIT_FSIZE)

        def fill(_: int, pid: int) -> None:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, free[1]))

        def make_room(pid: int) -> None:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, free)

        return asyncio.run(_outage(made, rounds, clients, fill, make_room))


async def _outage(
    made: Site,
    rounds: int,
    clients: int,
    take: Callable[[int, int], None],
    give_back: Callable[[int], None],
) -> dict[str, object]:
    """Take the ledger away under load and give it back; both are told the proxy's pid."""
    leash = await made.serve()
    load, refusing, back, forwarded_away = Load(port=leash.port), [], [], 0
    async with asyncio.TaskGroup() as group:
        for number in range(clients):
            group.create_task(load.client(number))
        for turn in range(rounds):
            await load.until(str(OK))
            await asyncio.to_thread(take, turn, leash.pid)
            refusing.append(await load.until(UNAVAILABLE))
            before = await asyncio.to_thread(lambda: made.provider.count)
            await load.until(UNAVAILABLE)
            forwarded_away += await asyncio.to_thread(lambda: made.provider.count) - before
            await asyncio.to_thread(give_back, leash.pid)
            back.append(await load.until(str(OK)))
        load.stopping = True
    ended = leash.end()
    with made.ledger() as ledger:
        balance, problems = ledger.balance(RUN), ledger.fsck()
        sent = sent_calls(ledger, RUN)
    went, reached = load.told[str(OK)], made.provider.count
    return {
        "rounds": rounds,
        "answers": dict(load.told),
        "reached_the_provider": reached,
        "booked_as_sent": sent,
        "forwarded_while_away": forwarded_away,
        "refused_after_s": round(max(refusing), 2),
        "back_after_s": round(max(back), 2),
        "said": min(load.bodies, default=b"").decode()[:300],
        "held": (ended, problems, forwarded_away) == (0, [], 0)
        and went == reached == sent
        and balance.spent == load.tokens * TOKEN
        and (balance.open_calls, balance.held) == (0, 0)
        and load.told.keys() == {str(OK), UNAVAILABLE},
    }
