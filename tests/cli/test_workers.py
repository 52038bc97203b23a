"""``leash serve --workers N``: one port, one account, several processes, really killed."""

import os
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leash_addon.config.tokens import shown_hash
from tests.cli.test_serve import Served
from tests.cli.world import PATIENCE, Leash

TALLY = re.compile(r"worker (\d+) served (\d+) calls?")


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that still live."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def until(claim: Callable[[], bool]) -> None:
    """Wait for something that must come true."""
    end = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended; one that nobody has waited for counts as ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def served(leash: Leash) -> Iterator[Served]:
    """Serve from two workers under a limit of 30 calls."""
    made = Served(leash, "--workers", "2", "--max-calls", "30")
    yield made
    if made.process.poll() is None:
        made.stop()


def test_workers_share_port_and_account(served: Served) -> None:
    """Both answer, exactly as many calls go as are allowed, and a signal ends them all."""
    workers = children(served.process.pid)
    answers = Counter(served.call("r") for _ in range(34))
    assert served.stop() == 0
    tally = {int(pid): int(calls) for pid, calls in TALLY.findall("".join(served.lines))}
    assert answers == {200: 30, 429: 4}
    assert (tally.keys(), sum(tally.values()), all(tally.values())) == (set(workers), 30, True)
    assert [is_gone(pid) for pid in workers] == [True, True]
    assert served.leash("fsck").code == 0


def test_a_killed_worker_is_replaced(served: Served) -> None:
    """After kill -9 another worker answers on the same port, and the account goes on."""
    first, other = children(served.process.pid)
    assert [served.call("r") for _ in range(4)] == [200] * 4
    os.kill(first, signal.SIGKILL)
    until(lambda: len(set(children(served.process.pid)) - {first, other}) == 1)
    assert [served.call("r") for _ in range(6)] == [200] * 6
    assert served.stop() == 0
    assert f"worker {first} died (SIGKILL); another is started" in "".join(served.lines)
    (run,) = served.leash("ps", "--json").json
    assert (run["calls"], run["open_calls"]) == (10, 0)


def test_a_withdrawn_token_does_not_come_back_with_the_next_worker(leash: Leash) -> None:
    """A successor goes by the edited file; by a broken one nobody can, so it waits for a mend."""
    file, old, new = leash.here / "leash.toml", "a" * 30, "b" * 30
    only = '[[token]]\nname = "team"\nhash = "{}"\n'
    file.write_text(only.format(shown_hash(old)))
    served = Served(leash, "--workers", "2")
    try:
        assert served.call(token=old) == 200
        file.write_text(only.format(shown_hash(new)))
        replace_all(served)
        until(lambda: answer(served, new) == 200)
        assert served.call(token=old) == 401

        file.write_text("nonsense = 1\n")
        replace_all(served)
        served.hear("waits, because an edit is broken: leash.toml: nonsense: unknown key")
        assert answer(served, new) == 0
        file.write_text(only.format(shown_hash(new)))
        until(lambda: answer(served, new) == 200)
        assert served.call(token=old) == 401
    finally:
        assert served.stop() == 0


def replace_all(served: Served) -> None:
    """Kill every worker; others are on their way when this returns."""
    workers = children(served.process.pid)
    for each in workers:
        os.kill(each, signal.SIGKILL)
        served.hear(f"worker {each} died")


def answer(served: Served, token: str) -> int:
    """Return the status of a call, 0 where nobody listens."""
    try:
        return served.call(token=token)
    except OSError:
        return 0


def test_workers_end_when_their_supervisor_is_gone(served: Served) -> None:
    """Nobody is left to hold the port after kill -9 of the supervisor."""
    workers = children(served.process.pid)
    served.process.kill()
    served.process.communicate(timeout=PATIENCE)
    until(lambda: all(is_gone(pid) for pid in workers))
    with socket.create_server(("127.0.0.1", served.port)):
        pass


def test_a_port_that_is_taken_is_an_error(leash: Leash) -> None:
    """Also where the other would share the port: two ledgers must not answer on one."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = leash("serve", "--insecure", "--workers", "2", "--listen", f"127.0.0.1:{port}")
    assert (done.code, f"cannot listen on 127.0.0.1:{port}" in done.err) == (125, True)
