"""``--db postgresql://...``, as a user types it."""

from collections.abc import Iterator

import pytest

from tests.cli.world import Leash
from tests.ledger.postgres_server import running, why_not


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Run a server with an empty database; the password in its address is not asked for."""
    if (why := why_not()) is not None:
        pytest.skip(why)
    with running() as server:
        server.create("ledger")
        yield server.url("ledger", password="hunter2")


def test_every_command_works_on_a_servers_ledger(leash: Leash, url: str) -> None:
    """Run, list, inspect, raise, kill, prove, prune: no file is made, no password shown."""
    db = ("--db", url)
    agent = leash.agent("--run", "nightly", *db, calls=3)
    assert agent.out == "200 200 200\n"
    (listed,) = leash("ps", "--json", *db).json
    assert (listed["run"], listed["calls"], listed["open_calls"]) == ("nightly", 3, 0)
    assert leash("inspect", "nightly", "--json", *db).json["calls"] == 3
    assert leash("rules", "stats", "--json", *db).json["fired"] == []
    (leash.here / "new.toml").write_text("[limits]\nmax_calls = 2\n")
    would = leash("simulate", "--config", "new.toml", "--json", *db).json
    assert [one["reason"] for one in would["refused"]] == ["call_budget"]
    said = [
        leash("raise", "nightly", "--max-cost", "9", *db),
        leash("kill", "nightly", *db),
        leash("fsck", *db),
        leash("fsck", "--repair", *db),
        leash("prune", "--before", "2020-01-01", *db),
    ]
    assert [done.code for done in said] == [0] * 5, said
    assert "SQLite" not in said[2].out
    assert "hunter2" not in agent.err + "".join(done.out + done.err for done in said)
    assert not (leash.folder / "home" / ".leash" / "leash.db").exists()


def test_a_killed_run_stays_so_on_every_machine(leash: Leash, url: str) -> None:
    """What one proxy records another one, with a home of its own, obeys."""
    leash.agent("--run", "stopped", "--db", url, calls=1)
    leash("kill", "stopped", "--db", url)
    again = leash.agent("--run", "stopped", "--db", url, calls=1)
    assert (again.code, again.out) == (3, "429\n")


def test_a_server_that_is_not_there_is_said_without_the_password(leash: Leash) -> None:
    """The command ends at once, names the place, and runs nothing."""
    done = leash.agent("--db", "postgresql://leash:hunter2@127.0.0.1:1/x", calls=1)
    assert (done.code, done.out) == (125, "")
    assert "ledger postgresql://leash@127.0.0.1:1/x: " in done.err
    assert "hunter2" not in done.err


def test_the_child_does_not_get_the_ledgers_address(leash: Leash, url: str) -> None:
    """A password for the account is none of the governed command's business."""
    done = leash("--run", "env", "--db", url, "--", "printenv", "LEASH_DB", LEASH_DB=url)
    assert (done.out, "hunter2" in done.err) == ("", False)
