"""kill -9 of ``leash serve`` at random points of live traffic, streams included."""

import asyncio
import random
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from leash_addon.core.reading import Confidence
from leash_addon.ledger import open_ledger
from tests.e2e.house import House
from tests.e2e.nursery import nursing
from tests.e2e.provider import providing, url_of
from tests.e2e.test_crash import RUN, MinedProvider, Site, Trigger
from tests.ledger.postgres_server import running

CAP = '[[cap]]\nper = "run"\nwindow = "total"\nmax_calls = 1000000\naction = "alert"\n'


PATIENCE = 90.0
"""Seconds in which the lease of the last proxy killed ends, and its open calls are swept."""


def kills(rounds: int = 300, *, postgres: bool = False) -> dict[str, object]:
    """Kill so many proxies in the middle of calls; return what the books say afterwards."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="leash-chaos-"))
        url = stack.enter_context(running(durable=True)).url() if postgres else ""
        nursery, arrivals = stack.enter_context(nursing()), Trigger()
        fake = stack.enter_context(providing(lambda: MinedProvider(arrivals)))
        extra = {"LEASH_UPSTREAM": url_of(fake)} | ({"LEASH_DB": url} if postgres else {})
        house = House(root=Path(folder), extra=extra)
        site = Site(house=house, nursery=nursery, fake=fake, arrivals=arrivals, url=url)
        return asyncio.run(_kill(site, rounds))


async def _kill(site: Site, rounds: int) -> dict[str, object]:
    config = site.house.root / "leash.toml"
    config.write_text(CAP)
    began = time.monotonic()
    for seed in range(rounds):
        rng = random.Random(seed)  # noqa: S311 - chance, not a secret
        leash = await site.serve("--config", str(config))
        chosen = rng.choice([site.arrivals, site.answers])
        chosen.set(leash.pid, rng.randint(1, 30), rng.choice([0.0, rng.uniform(0, 0.01)]))
        await site.traffic(leash.port, seed)
        if site.nursery.wait(leash.pid) != -signal.SIGKILL:
            return {"rounds": seed, "held": False, "why": "leash ended by itself"}
    leash = await site.serve("--config", str(config))
    waited = await _swept(site)
    ended = site.check()  # asserts: each call once, none undercounted, no hold left, fsck clean
    leash.end()
    with open_ledger(site.db) as ledger:
        run, cap = ledger.balance(RUN), ledger.account_balance(f"cap:run={RUN}|total")
    return {
        "rounds": rounds,
        "seconds": round(time.monotonic() - began),
        "calls": run.calls,
        "reached_the_provider": site.fake.seen.count,
        "swept_at_their_hold": ended[Confidence.HELD],
        "swept_after_s": round(waited, 1),
        "open_after_the_sweep": run.open_calls,
        "held": (cap.calls, cap.spent, cap.held) == (run.calls, run.spent, 0),
    }


async def _swept(site: Site) -> float:
    """Wait until no call is open any more; return the seconds it took."""
    began = time.monotonic()
    with open_ledger(site.db) as ledger:
        while (  # noqa: ASYNC110 - another process's doing, not an event
            ledger.balance(RUN).open_calls and time.monotonic() < began + PATIENCE
        ):
            await asyncio.sleep(0.5)
    return time.monotonic() - began
