"""A proxy sleeps (SIGSTOP) past its lease with calls in flight; another one sweeps them."""

import asyncio
import os
import signal
import time
from collections.abc import Callable

from leash_addon.core.journal import CallAdjusted
from scripts.chaosing.caller import INPUT, OK, Caller
from scripts.chaosing.site import Site, site
from scripts.chaosing.world import TOKEN

RUN = "asleep"
PATIENCE = 120.0
"""Seconds in which the lease ends (30) and the other proxy looks (every 15)."""


def asleep(calls: int = 20) -> dict[str, object]:
    """Let so many calls be swept and end after all: each counts once, at its true cost."""
    with site(postgres=True) as made:
        return asyncio.run(_asleep(made, calls))


async def _asleep(made: Site, calls: int) -> dict[str, object]:
    sleeper, other = await made.serve(), await made.serve()
    outputs = [10 + 40 * number for number in range(calls)]
    answers = [
        asyncio.create_task(_one(sleeper.port, output, stream=number % 2 == 0))
        for number, output in enumerate(outputs)
    ]
    with made.ledger() as ledger:
        await _until(lambda: made.provider.count == calls)
        os.kill(sleeper.pid, signal.SIGSTOP)
        began = time.monotonic()
        open_calls = ledger.balance(RUN).open_calls
        await _until(lambda: ledger.balance(RUN).open_calls == 0)
        swept_after = time.monotonic() - began
        left = ledger.balance(RUN).open_calls
        os.kill(sleeper.pid, signal.SIGCONT)
        statuses = await asyncio.gather(*answers)
        ended = [sleeper.end(), other.end()]
        balance, problems = ledger.balance(RUN), ledger.fsck()
        adjusted = sum(isinstance(one, CallAdjusted) for _, one in ledger.entries(RUN))
    spent = sum(INPUT + output for output in outputs) * TOKEN
    return {
        "calls": calls,
        "open_when_stopped": open_calls,
        "swept_after_s": round(swept_after, 1),
        "adjusted": adjusted,
        "held": (ended, problems, left) == ([0, 0], [], 0)
        and statuses == [OK] * calls
        and adjusted == open_calls > 0
        and (balance.calls, balance.settled, balance.spent) == (calls, calls, spent)
        and (balance.open_calls, balance.held) == (0, 0),
    }


async def _one(port: int, output: int, *, stream: bool) -> int:
    async with Caller(port) as caller:
        answer = await caller.call(RUN, output=output, most=1_000, delay_ms=3_000, stream=stream)
        return answer.status


async def _until(claim: Callable[[], bool]) -> None:
    """Wait for what other processes do, but not for ever: the figures tell."""
    end = time.monotonic() + PATIENCE
    while not claim() and time.monotonic() < end:  # noqa: ASYNC110 - not ours to signal
        await asyncio.sleep(0.1)
