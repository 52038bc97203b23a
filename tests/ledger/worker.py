"""What a process of the tests does: ``python worker.py PATH ROLE ...``.

``open``: open the file, say so. ``hammer ASKS``: ask for so many calls one after the other and
print how many were admitted. ``live``: admit and settle for ever, printing each step once it is
committed, until someone kills it. ``brood TIMES``: start such a process and kill it at a random
moment, so many times. ``full``: go on through a disk that is full for a while.
``hold``: open a call, and settle it once a line comes in. ``storm RUN NUMBER``: spend a run's hard
cap from so many processes, of which some are killed on the way and others take their place.
``together NUMBER ROLE ...``: fork so many at once, each in this role, and wait for them.
"""

import asyncio
import os
import random
import resource
import signal
import sys
import time
import traceback
from pathlib import Path

from leash_addon.core.caps import Cap
from leash_addon.core.holds import HoldMode, Holds
from leash_addon.core.limits import Ceiling
from leash_addon.core.money import Instant, Pico
from leash_addon.core.scopes import Scope, Target
from leash_addon.core.terms import Terms
from leash_addon.core.verdict import Allow
from leash_addon.core.windows import WindowKind
from leash_addon.errors import LedgerBusy, LedgerError
from leash_addon.ledger import Ledger, LedgerWriter, new_call_id, open_ledger
from tests.ledger.world import make_ask, make_end


def now() -> Instant:
    """Read the clock."""
    return Instant(time.time_ns() // 1000)


def say(*words: str) -> None:
    """Write a line in one piece, so that a kill does not tear it."""
    os.write(1, (" ".join(words) + "\n").encode())


def hammer(ledger: Ledger, asks: int) -> None:
    """Ask for calls, settling each second one; print how many were admitted."""
    rng = random.SystemRandom()
    ledger.do_not_wait()
    admitted = 0
    while asks:
        name = new_call_id(now(), rng)
        try:
            verdict = ledger.admit(make_ask(name), now())
            asks -= 1
            if isinstance(verdict, Allow):
                admitted += 1
                if admitted % 2:
                    ledger.settle([make_end(name, 1_000)])
        except LedgerBusy:
            time.sleep(rng.random() / 500)
    say(str(admitted))


def live(ledger: Ledger) -> None:
    """Open calls in small groups and settle them, saying what has been committed."""
    rng = random.SystemRandom()
    ledger.sweep(now())
    while True:
        names = [new_call_id(now(), rng) for _ in range(rng.randint(1, 3))]
        for name in names:
            say("asking", name)
            ledger.admit(make_ask(name, input_tokens=5), now())
            say("opened", name)
        for name in names:
            say("ending", name)
            ledger.settle([make_end(name, 7_000_000)])
            say("settled", name)


def brood(path: str, times: int) -> None:
    """Fork live processes one after the other, and kill each: at once, soon, or a little later."""
    rng = random.SystemRandom()
    for _ in range(times):
        child = os.fork()
        if child == 0:
            live(open_ledger(path))
        time.sleep((0.02 + rng.random() * 0.04) * (5 if "://" in path else 1))  # to connect
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


MICRODOLLAR = 1_000_000
STORM_LIMIT = Pico(150_000 * MICRODOLLAR)
STORM = Terms(
    caps=(
        Cap(
            target=Target(per=(Scope.RUN,)),
            window=WindowKind.TOTAL,
            ceiling=Ceiling(max_cost=STORM_LIMIT),
        ),
    ),
    holds=Holds(mode=HoldMode.HARD),
)
"""A cap of 150,000 tokens on each run: some fifty calls."""

PATIENCE = 100
"""Passing refusals in a row after which a process gives up: what the dead hold is in the way."""


def storm(path: str, run: str, number: int) -> None:
    """Fork so many spenders, kill and replace as many, and wait until the others are done."""
    rng = random.SystemRandom()
    alive = [_forked_spender(path, run) for _ in range(number)]
    for _ in range(number):
        time.sleep((0.01 + rng.random() * 0.04) * (3 if "://" in path else 1))
        unlucky = alive.pop(rng.randrange(len(alive)))
        os.kill(unlucky, signal.SIGKILL)
        os.waitpid(unlucky, 0)
        alive.append(_forked_spender(path, run))
    for child in alive:
        os.waitpid(child, 0)


def _forked_spender(path: str, run: str) -> int:
    child = os.fork()
    if child == 0:
        try:
            spend(open_ledger(path, terms=STORM), run)
        except BaseException:  # noqa: BLE001 - the fork must end here, and say why
            traceback.print_exc()
        os._exit(0)
    return child


def spend(ledger: Ledger, run: str) -> None:
    """Open calls, a few at once, and end them at anything up to their holds, until it is over."""
    rng = random.SystemRandom()
    ledger.sweep(now())
    opened: list[tuple[str, int]] = []
    passing = 0
    while passing < PATIENCE:
        if opened and (passing or len(opened) > 2 or rng.random() < 0.5):
            name, hold = opened.pop(0)
            ledger.settle([make_end(name, rng.randint(hold // 100, hold))])
        name = new_call_id(now(), rng)
        tokens = rng.randint(1, 1_000)
        ask = make_ask(name, run, tags={"run": run}, input_tokens=tokens, max_output=tokens)
        verdict = ledger.admit(ask, now())
        if isinstance(verdict, Allow):
            opened.append((name, verdict.hold))
            passing = 0
        elif verdict.final and not opened:
            return
        else:
            passing += 1


def hold(ledger: Ledger) -> None:
    """Open a call, and settle it when told to."""
    ledger.admit(make_ask("held", input_tokens=5), now())
    say("opened")
    sys.stdin.readline()
    ledger.settle([make_end("held", 7_000_000)])


def log_size(path: str) -> int:
    """Return the size of the write-ahead log."""
    return Path(path + "-wal").stat().st_size


async def full(path: str) -> None:
    """Admit and settle before, while and after no file may grow; print what came of it."""
    ledger = open_ledger(path)
    writer = LedgerWriter(ledger, clock=now, rng=random.SystemRandom())
    await writer.start()
    await writer.start_run("r1", None)
    await writer.admit(make_ask("before"))
    free = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log_size(path), free[1]))
    writer.settle(make_end("before", 100))
    try:
        await writer.admit(make_ask("while"))
    except LedgerError as error:
        say("refused", str(error))
    resource.setrlimit(resource.RLIMIT_FSIZE, free)
    verdict = await writer.admit(make_ask("after"))
    balance = writer.balance("r1")
    say("then", type(verdict).__name__, str(balance.calls), str(balance.spent), str(ledger.fsck()))
    await writer.close()


def together(path: str, number: int, role: list[str]) -> int:
    """Fork processes that have imported everything; return the worst of their exit codes."""
    children = []
    for _ in range(number):
        child = os.fork()
        if child == 0:
            os._exit(_tried(path, role))
        children.append(child)
    return max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


def _tried(path: str, role: list[str]) -> int:
    try:
        act(path, role)
    except BaseException:  # noqa: BLE001 - the fork must end here, and say why
        traceback.print_exc()
        sys.stderr.flush()
        return 1
    return 0


def act(path: str, role: list[str]) -> None:
    """Play a role."""
    match role:
        case ["open"]:
            open_ledger(path).close()
            say("open")
        case ["hammer", number]:
            with open_ledger(path) as ledger:
                hammer(ledger, int(number))
        case ["full"]:
            asyncio.run(full(path))
        case ["hold"]:
            with open_ledger(path) as ledger:
                hold(ledger)
        case ["brood", number]:
            brood(path, int(number))
        case ["storm", run, number]:
            storm(path, run, int(number))
        case ["together", number, *each]:
            sys.exit(together(path, int(number), each))


if __name__ == "__main__":
    act(sys.argv[1], sys.argv[2:])
