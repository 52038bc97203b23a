"""Where an event loop lets the ledger work: in its own turn, or in a thread of its own.

A commit to a file without fsync takes less time than a hop to a thread, so SQLite works inline. A
database across a network would stop the loop for as long as it takes: its transactions go
through one thread, one after the other, and what is asked meanwhile shares the next one.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol


class Lane(Protocol):
    """Runs one piece of work after the other."""

    def go(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        """Do something that does not raise, and then something on the loop."""

    async def do[T](self, work: Callable[[], T]) -> T:
        """Do something and return what comes of it, or raise it."""

    def on_loop[*Args](self, tell: Callable[[*Args], None]) -> Callable[[*Args], None]:
        """Return what may be called within the work, to be heard on the loop."""

    def close(self) -> None:
        """Take no more work."""


class Inline:
    """On the loop, at once."""

    def go(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        """Do both now."""
        work()
        then()

    async def do[T](self, work: Callable[[], T]) -> T:
        """Do it now."""
        return work()

    def on_loop[*Args](self, tell: Callable[[*Args], None]) -> Callable[[*Args], None]:
        """Tell at once."""
        return tell

    def close(self) -> None:
        """There is nothing to end."""


class OneThread:
    """In one thread, off the loop that it was made on."""

    def __init__(self) -> None:
        """Take the running loop; the thread starts with the first work."""
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="leash-ledger")

    def go(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        """Do the work in the thread."""

        def done(_: Future[None]) -> None:
            self._loop.call_soon_threadsafe(then)

        self._thread.submit(work).add_done_callback(done)

    async def do[T](self, work: Callable[[], T]) -> T:
        """Do the work in the thread, and wait for it."""
        return await self._loop.run_in_executor(self._thread, work)

    def on_loop[*Args](self, tell: Callable[[*Args], None]) -> Callable[[*Args], None]:
        """Tell on the loop, in the order of the calls."""

        def heard(*args: *Args) -> None:
            self._loop.call_soon_threadsafe(tell, *args)

        return heard

    def close(self) -> None:
        """End the thread once its work is done."""
        self._thread.shutdown(wait=False)


def lane(*, inline: bool) -> Lane:
    """Return where to work, on the running loop."""
    return Inline() if inline else OneThread()
