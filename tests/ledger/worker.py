"""What a process of the tests does: ``python worker.py PATH ROLE ...``.

``open``: open the file, say so. ``hammer ASKS``: ask for so many calls one after the other and
print how many were admitted. ``live``: admit and settle for ever, printing each step once it is
committed, until someone kills it. ``brood TIMES``: start such a process and kill it at a random
moment, so many times.
"""

import os
import random
import signal
import sys
import time

from leash_addon.core.money import Instant
from leash_addon.core.verdict import Allow
from leash_addon.errors import LedgerBusy
from leash_addon.ledger import Ledger, new_call_id, open_ledger
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
        time.sleep(0.02 + rng.random() * 0.04)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def main() -> None:
    """Do what the command line says."""
    path, *role = sys.argv[1:]
    match role:
        case ["open"]:
            open_ledger(path).close()
            say("open")
        case ["hammer", number]:
            with open_ledger(path) as ledger:
                hammer(ledger, int(number))
        case ["brood", number]:
            brood(path, int(number))


if __name__ == "__main__":
    main()
