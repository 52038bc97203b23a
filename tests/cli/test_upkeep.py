"""fsck --repair, backup, prune and simulate, as a user types them."""

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from leash_addon.core.journal import Tokens
from leash_addon.core.limits import TokenWindow
from leash_addon.core.money import Instant
from tests.cli.world import Leash
from tests.ledger.world import World, make_end

RATE = TokenWindow(tokens=10_000, seconds=60)


@pytest.fixture
def used(leash: Leash) -> Leash:
    """Make three calls at 2.5 cents in a run called nightly."""
    assert leash.agent("--run", "nightly", calls=3).out == "200 200 200\n"
    return leash


def execute(leash: Leash, statement: str) -> None:
    """Change the ledger behind leash's back."""
    path = leash.folder / "home" / ".leash" / "leash.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute(statement)


def test_a_repair_is_told_and_done(used: Leash) -> None:
    """``fsck`` finds a changed balance, ``--repair`` mends it, and then all is clean."""
    execute(used, "UPDATE balances SET state = json_set(state, '$.calls', 9)")
    assert used("fsck").code == 1
    repaired = used("fsck", "--repair")
    assert (repaired.code, repaired.out.splitlines()[0]) == (
        0,
        "run:nightly: calls is 9; the journal comes to 3",
    )
    assert "1 problem repaired" in repaired.out
    assert (used("fsck").code, used("inspect", "nightly", "--json").json["calls"]) == (0, 3)


def test_a_backup_is_a_ledger(used: Leash) -> None:
    """The copy passes fsck and lists the same runs; a second one overwrites nothing."""
    assert used("backup", "copy.db").code == 0
    assert used("fsck", "--db", "copy.db").code == 0
    assert used("ps", "--json", "--db", "copy.db").json == used("ps", "--json").json
    again = used("backup", "copy.db")
    assert (again.code, again.err) == (2, "leash: copy.db: is there already; name a new file\n")


def test_pruning_forgets_calls_and_keeps_the_account(used: Leash) -> None:
    """After a prune the run stands as before, fsck is clean, and the run goes on."""
    before = used("ps", "--all", "--json").json
    now = datetime.now(UTC).isoformat()
    done = used("prune", "--before", now)
    assert (done.code, done.err) == (0, "leash: 7 entries pruned\n")
    assert used("ps", "--all", "--json").json == before
    assert (used("fsck").code, used("inspect", "nightly").code) == (0, 0)
    assert used.agent("--run", "nightly", calls=1).out == "200\n"
    assert used("inspect", "nightly", "--json").json["calls"] == 4


@pytest.mark.parametrize(
    ("date", "message"),
    [
        ("yesterday", "--before: 'yesterday' is no date; write for example 2026-01-01"),
        (
            str((datetime.now(UTC) + timedelta(days=2)).date()),
            "has not come yet",
        ),
    ],
    ids=["no date", "to come"],
)
def test_a_wrong_date_prunes_nothing(leash: Leash, date: str, message: str) -> None:
    """A date that is none, or has not come, is a usage error."""
    done = leash("prune", "--before", date)
    assert (done.code, message in done.err) == (2, True)


def test_a_simulation_says_what_would_have_been_refused(used: Leash) -> None:
    """Under a budget of 4 cents the third call would not have gone."""
    (used.here / "new.toml").write_text("[limits]\nmax_cost = 0.04\n")
    told = used("simulate", "--config", "new.toml", "--json").json
    assert [one["reason"] for one in told["refused"]] == ["cost_budget"]
    assert (told["calls"], told["admitted_cost"]) == (3, 0.05)
    for_people = used("simulate", "--config", "new.toml", "--run", "nightly").out
    assert for_people.splitlines()[-1] == (
        "1 of 3 calls would have been refused, which came to $0.0250; "
        "the calls that go come to $0.0500"
    )
    assert used("simulate", "--config", "new.toml", "--run", "other").code == 2


def test_a_simulation_of_nothing_is_an_error(leash: Leash) -> None:
    """A configuration without any limit says what is missing."""
    (leash.here / "new.toml").write_text('on_blind = "warn"\n')
    done = leash("simulate", "--config", "new.toml")
    assert (done.code, "it sets no limit" in done.err) == (2, True)


def test_a_call_that_ended_after_its_sweep_is_shown_as_it_ended(used: Leash) -> None:
    """``inspect`` lays the true end over the hold: cost, tokens, and how it came about."""
    path = used.folder / "home" / ".leash" / "leash.db"
    world = World(path=path, now=Instant(time.time_ns() // 1000))
    dying, other = world.open(), world.open()
    limits = dying.balance("nightly").limits
    dying.start_run("nightly", msgspec.structs.replace(limits, rate=RATE), now=world.now)
    name = world.admitted(dying, run="nightly", input_tokens=90)
    dying._owners.leave()
    other.sweep(world.now)
    swept = used("inspect", "nightly", "--json").json["entries"][-1]
    dying.settle([make_end(name, 7, tokens=Tokens(input=2, output=3), at=world.now)])
    ended = used("inspect", "nightly", "--json").json["entries"][-1]
    world.close()
    assert (swept["tokens"]["input"], swept["confidence"]) == (90, "held")
    assert [ended["tokens"][kind] for kind in ("input", "output")] == [2, 3]
    assert (ended["cost_pico"], ended["notes"]) == (7, ["settled after it had been swept"])


def test_fsck_tells_of_calls_whose_process_has_died(used: Leash) -> None:
    """A hold that waits for the next sweep is no problem, and not passed over in silence."""
    path = used.folder / "home" / ".leash" / "leash.db"
    world = World(path=path, now=Instant(time.time_ns() // 1000))
    dying = world.open()
    world.admitted(dying, run="nightly")
    alive = used("fsck", "--json").json["orphans"]
    world.crash(dying)
    done = used("fsck")
    assert (alive, done.code, used("fsck", "--json").json["orphans"]) == (0, 0, 1)
    assert "note: 1 call is open whose process has died; the next leash" in done.out


def test_a_simulation_says_when_older_entries_are_gone(used: Leash) -> None:
    """What was pruned cannot be replayed, and is not taken for nothing in silence."""
    (used.here / "new.toml").write_text("[limits]\nmax_calls = 2\n")
    whole = used("simulate", "--config", "new.toml").out
    used("prune", "--before", datetime.now(UTC).isoformat())
    left = used("simulate", "--config", "new.toml").out
    assert ["older entries were pruned" in out for out in (whole, left)] == [False, True]
