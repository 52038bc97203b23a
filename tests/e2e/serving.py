"""``leash serve`` from a nursery, on a port of its own choosing."""

import asyncio
import os
import re
import signal
from dataclasses import dataclass

from tests.e2e.house import House
from tests.e2e.nursery import Nursery

PATIENCE = 60.0


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A proxy that listens."""

    pid: int
    port: int
    nursery: Nursery

    def end(self, which: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; return the exit code, negative when the signal ended it."""
        os.kill(self.pid, which)
        return self.nursery.wait(self.pid)


async def serving(house: House, nursery: Nursery, *flags: str) -> Serving:
    """Start a proxy; it listens when this returns."""
    errors = house.root / f"serve-{len(list(house.root.glob('serve-*')))}"
    errors.touch()
    words = ("serve", "--insecure", "--listen", "127.0.0.1:0", *flags)
    pid = nursery.start(*words, env=house.env, errors=errors)
    async with asyncio.timeout(PATIENCE):
        while True:
            said = errors.read_text()
            found = re.search(r"serving on 127\.0\.0\.1:(\d+)", said)
            if found:
                return Serving(pid=pid, port=int(found[1]), nursery=nursery)
            assert "rror" not in said, said
            await asyncio.sleep(0.01)
