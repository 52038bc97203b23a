"""A process that is given its order on standard input, and says what went wrong.

It has a session of its own, so that a Ctrl-C in the terminal is the agent's alone. When nobody
waits for it any more it is killed; when the proxy is, its standard input ends.
"""

import asyncio
import contextlib
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

SAID: Final = 4096
"""Bytes that are kept of what it says."""
LINE: Final = 200
PIECE: Final = 4096


class Ended(NamedTuple):
    """How it ended. ``said``: the last line of what it said, cut."""

    status: int
    said: str


async def order_from(command: Sequence[str], order: bytes) -> Ended:
    """Run a process to its end. Raises ``OSError`` where none can be started."""
    # Threads of its own wait: what asyncio waits for may outlive the loop, and be told of.
    threads = ThreadPoolExecutor(2, thread_name_prefix="leash-builder")
    process = subprocess.Popen(  # noqa: ASYNC220 - started within milliseconds
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    threads.submit(_give, process, order)
    try:
        return await asyncio.get_running_loop().run_in_executor(threads, _hear, process)
    finally:
        process.kill()
        threads.shutdown()
        for pipe in (process.stdin, process.stderr):
            with contextlib.suppress(BrokenPipeError):
                _ = pipe and pipe.close()


def _give(process: subprocess.Popen[bytes], order: bytes) -> None:
    """Write the order, and leave standard input open: its end would be the process's."""
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(order)
            process.stdin.flush()


def _hear(process: subprocess.Popen[bytes]) -> Ended:
    said = b""
    while process.stderr is not None and (piece := process.stderr.read(PIECE)):
        said = (said + piece)[-SAID:]
    last = said.decode(errors="replace").strip().rpartition("\n")[2]
    return Ended(process.wait(), last[:LINE])
