"""Where an event loop lets the ledger work: in its own turn, or in a thread of its own.

A commit to a file without fsync takes less time than a hop to a thread, so SQLite works inline. A
database across a network would stop the loop for as long as it takes: its transactions go
through one thread, one after the other, and what is asked meanwhile shares the next one.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

type _Job = tuple[Callable[[], None], Callable[[], None]]


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
    """In one thread, off the loop that it was made on.

    A daemon: work that hangs on a server which never answers does not keep the process from ending.
    """

    def __init__(self) -> None:
        """Take the running loop; the thread starts with the first work."""
        self._loop = asyncio.get_running_loop()
        self._work: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="leash-ledger", daemon=True)

    def go(self, work: Callable[[], None], then: Callable[[], None]) -> None:
        """Do the work in the thread."""
        if self._thread.ident is None:
            self._thread.start()
        self._work.put((work, then))

    async def do[T](self, work: Callable[[], T]) -> T:
        """Do the work in the thread, and wait for it."""
        answer: asyncio.Future[T] = self._loop.create_future()
        done: Future[T] = Future()

        def act() -> None:
            try:
                done.set_result(work())
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                done.set_exception(error)

        def tell() -> None:
            if answer.done():
                return
            if (error := done.exception()) is not None:
                answer.set_exception(error)
            else:
                answer.set_result(done.result())

        self.go(act, tell)
        return await answer

    def on_loop[*Args](self, tell: Callable[[*Args], None]) -> Callable[[*Args], None]:
        """Tell on the loop, in the order of the calls."""

        def heard(*args: *Args) -> None:
            self._soon(lambda: tell(*args))

        return heard

    def close(self) -> None:
        """End the thread once its work is done."""
        self._work.put(None)

    def _run(self) -> None:
        while (job := self._work.get()) is not None:
            work, then = job
            work()
            self._soon(then)

    def _soon(self, act: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile: nobody waits to hear it
            self._loop.call_soon_threadsafe(act)


def lane(*, inline: bool) -> Lane:
    """Return where to work, on the running loop."""
    return Inline() if inline else OneThread()
