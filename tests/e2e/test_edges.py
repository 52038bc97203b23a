"""What goes wrong on ordinary days: clients that die, providers that fail, two leashes at once."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from leash_addon.cli.fakeprovider import FakeProvider
from leash_addon.core.reading import Outcome
from tests.e2e.house import CLIENTS, House

MESSAGES = "/v1/messages"


def test_two_leashes_of_one_run_share_its_limit(house: House, fake: FakeProvider) -> None:
    """Two processes that govern the same run let three calls pass between them, not three each."""
    flags = ("--run", "shared", "--max-calls", "3")
    with house.agent(*flags) as one, house.agent(*flags) as other:
        statuses = [talk.call()["status"] for talk in (one, other, one, other, one)]
        codes = [one.end().code, other.end().code]
    assert (statuses, codes) == ([200, 200, 200, 429, 429], [3, 3])
    assert (fake.seen.count, house.problems()) == (3, [])


def test_a_child_that_is_killed_in_a_stream_leaves_no_hold(
    house: House, fake: FakeProvider, tmp_path: Path
) -> None:
    """The cut call is settled before leash ends, at no less than nothing, and exits with 137."""
    note = tmp_path / "pid"
    program = f"import os; open({str(note)!r}, 'w').write(str(os.getpid())); import runpy; "
    program += f"runpy.run_path({str(CLIENTS / 'agent.py')!r}, run_name='__main__')"
    with house.governed("--run", "cut", command=("-c", program)) as talk:
        talk.call()
        talk.tell(stream=True, headers={"x-fake-gap-ms": "60000"})
        fake_saw_two = house.until(lambda: fake.seen.count == 2)
        os.kill(int(note.read_text()), signal.SIGKILL)
        done = talk.end()
    whole, cut = house.settled("cut")
    assert (fake_saw_two, done.code) == (True, 128 + signal.SIGKILL)
    assert (whole.outcome, cut.outcome) == (Outcome.COMPLETE, Outcome.CUT)
    assert (cut.cost or 0) > 0
    assert (house.balance("cut").open_calls, house.problems()) == (0, [])


def test_a_providers_error_passes_and_costs_nothing(house: House, fake: FakeProvider) -> None:
    """Errors of the provider reach the client as they are, count as calls and cost nothing."""
    statuses = [400, 429, 500, 529]
    with house.agent("--run", "errors", "--max-cost", "1") as talk:
        answers = [talk.call(headers={"x-fake-status": str(status)}) for status in statuses]
        done = talk.end()
    assert [answer["status"] for answer in answers] == statuses
    assert {answer["body"] for answer in answers} == {
        '{"error":{"message":"the fake provider was told to fail","type":"fake_error"}}'
    }
    assert [answer["headers"].get("x-leash-reason") for answer in answers] == [None] * 4
    assert (fake.seen.count, done.code) == (4, 0)
    assert done.said[-1] == "finished run errors after 4 calls, $0.00"


def test_counting_tokens_is_free_after_the_stop_too(house: House) -> None:
    """A free path is answered by the provider before and after the only call that is allowed."""
    paths = [MESSAGES, f"{MESSAGES}/count_tokens", MESSAGES, f"{MESSAGES}/count_tokens"]
    with house.agent("--run", "free", "--max-calls", "1") as talk:
        answers = [talk.call(host="api.anthropic.com", path=path) for path in paths]
    assert [answer["status"] for answer in answers] == [200, 200, 429, 200]
    assert house.balance("free").calls == 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        pytest.param(
            lambda db: db.write_text("not a database\n" * 90), "not a database", id="text"
        ),
        pytest.param(lambda db: db.mkdir(), "is a directory", id="a directory"),
    ],
)
def test_a_ledger_that_is_none_starts_nothing(
    house: House, make: Callable[[Path], object], says: str
) -> None:
    """A file that is no ledger is named with its mend, stays as it is, and the child never runs."""
    db = house.root / "odd.db"
    make(db)
    done = house.leash("--db", str(db), "--", "touch", "started")
    assert (done.code, str(db) in done.err, says in done.err) == (125, True, True)
    assert ("Traceback" in done.err, list(house.work.iterdir())) == (False, [])


def test_a_provider_that_is_away_costs_nothing(house: House) -> None:
    """A call that never left counts, costs nothing, and its client gets an error, not a hang."""
    with house.agent("--run", "away", "--upstream", "http://127.0.0.1:1") as talk:
        answer = talk.call()
        done = talk.end()
    assert (answer["status"], done.said[-1]) == (502, "finished run away after 1 call, $0.00")
    assert [call.outcome for call in house.settled("away")] == [Outcome.UNSENT]
