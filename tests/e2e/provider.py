"""The fake provider in a thread of the test, with gates where a test must know what is open."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from leash_addon.cli.fakeprovider import FakeProvider, Script
from leash_addon.cli.fakeprovider.http import Request


class GatedProvider(FakeProvider):
    """Answers no model call before ``meant`` of them are open at once."""

    def __init__(self, script: Script, *, meant: int = 1) -> None:
        """Prepare."""
        super().__init__(script)
        self.meant = meant
        self._all_in = asyncio.Event()

    async def _model_call(self, request: Request, known: str, writer: asyncio.StreamWriter) -> None:
        if self.seen.open >= self.meant:
            self._all_in.set()
        await self._all_in.wait()
        await super()._model_call(request, known, writer)


class UnendingProvider(FakeProvider):
    """Sends every event of a stream, and then never ends its body."""

    async def _model_call(self, request: Request, known: str, writer: asyncio.StreamWriter) -> None:
        await super()._model_call(request, known, _Endless(writer))  # type: ignore[arg-type]
        await asyncio.Event().wait()


class _Endless:
    """A writer that keeps the chunk back that would end a body."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def write(self, piece: bytes) -> None:
        if piece != b"0\r\n\r\n":
            self._writer.write(piece)

    async def drain(self) -> None:
        await self._writer.drain()


@contextmanager
def providing(make: Callable[[], FakeProvider]) -> Iterator[FakeProvider]:
    """Serve in a thread. What it has seen may be read from any thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def made() -> FakeProvider:
        fake = make()
        await fake.start()
        return fake

    async def stopped() -> None:
        await fake.stop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    fake = asyncio.run_coroutine_threadsafe(made(), loop).result()
    try:
        yield fake
    finally:
        asyncio.run_coroutine_threadsafe(stopped(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def url_of(fake: FakeProvider) -> str:
    """Return the address that ``--upstream`` takes."""
    return f"http://127.0.0.1:{fake.port}"
