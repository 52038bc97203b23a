"""The resident memory of a process while something goes on, and how much it has grown."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

PAGE_KB = 4


def resident_kb(pid: int) -> int:
    """Return the resident memory of a process, in kB (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_KB


class Watched:
    """Samples of a process's memory: seconds since the beginning, and kB."""

    def __init__(self, pid: int) -> None:
        """Begin with none."""
        self._pid = pid
        self._began = time.monotonic()
        self.samples: list[tuple[float, int]] = []

    def look(self) -> None:
        """Take one."""
        self.samples.append((time.monotonic() - self._began, resident_kb(self._pid)))

    def between(self, since: float, until: float) -> float:
        """Return the median of a stretch, in MB."""
        found = [kb for at, kb in self.samples if since <= at <= until]
        return statistics.median(found) / 1024

    def growth(self, warm: float) -> dict[str, object]:
        """Compare the first sixth of the time after warming up with the last."""
        end = self.samples[-1][0]
        part = (end - warm) / 6
        first, last = self.between(warm, warm + part), self.between(end - part, end)
        return {
            "warm_rss_mb": round(first, 1),
            "last_rss_mb": round(last, 1),
            "peak_rss_mb": round(max(kb for _, kb in self.samples) / 1024, 1),
            "rss_growth": round(last / first - 1, 4),
        }


@asynccontextmanager
async def watched(pid: int) -> AsyncIterator[Watched]:
    """Look at a process twice a second until the block ends."""
    found = Watched(pid)

    async def look() -> None:
        while True:
            found.look()
            await asyncio.sleep(0.5)

    looking = asyncio.create_task(look())
    try:
        yield found
    finally:
        looking.cancel()
