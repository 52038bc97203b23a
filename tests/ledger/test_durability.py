"""The log on its way to the disk: fsync, checkpoints, and the bug that they must not meet."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from leash_addon.ledger import sqlite_warning
from leash_addon.ledger.connection import beside, connect
from leash_addon.ledger.durability import Checkpointer, Durability, sync_log
from tests.ledger.world import World


def entries_without_log(path: Path) -> int:
    """Count the entries that the database file has by itself, as after a lost log."""
    alone = path.with_name("alone.db")
    shutil.copy(path, alone)
    with closing(sqlite3.connect(alone)) as conn:
        found = conn.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'journal'")
        if found.fetchone() == (0,):
            return 0
        return int(conn.execute("SELECT count(*) FROM journal").fetchone()[0])


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        pytest.param((3, 40, 1), True, id="long before"),
        pytest.param((3, 44, 5), True, id="before the fix of 3.44"),
        pytest.param((3, 44, 6), False, id="fixed in 3.44"),
        pytest.param((3, 45, 0), True, id="a branch without a fix"),
        pytest.param((3, 50, 6), True, id="before the fix of 3.50"),
        pytest.param((3, 50, 7), False, id="fixed in 3.50"),
        pytest.param((3, 51, 2), True, id="the last affected"),
        pytest.param((3, 51, 3), False, id="the first fixed"),
        pytest.param((3, 53, 0), False, id="after"),
    ],
)
def test_versions_with_the_wal_reset_bug_are_named(
    version: tuple[int, int, int], affected: bool
) -> None:
    """Exactly the versions that sqlite.org lists are warned of."""
    assert (sqlite_warning(version) is not None) is affected


def test_commits_do_not_checkpoint(world: World) -> None:
    """However many commits, the database file itself is left to the checkpointer."""
    ledger = world.open()
    before = world.path.stat().st_mtime_ns
    ledger.start_run("r1", None, now=world.now)
    for _ in range(1_200):  # more pages than SQLite's own threshold of 1000
        world.call(ledger)
    assert world.path.stat().st_mtime_ns == before


def test_a_checkpoint_moves_the_log_into_the_database(world: World) -> None:
    """What was committed is in the database file afterwards."""
    world.start()
    with closing(connect(world.path, wait=0.0)) as conn:
        checkpointer = Checkpointer(conn, world.path)
        checkpointer.checkpoint()  # takes the job; whoever had it may have drained the log
        world.start(run="r2")
        checkpointer.checkpoint()
        checkpointer.close()
    assert entries_without_log(world.path) == 2


def test_a_drained_log_is_not_checkpointed_again(world: World) -> None:
    """Between two commits a log is drained at most once."""
    world.start()
    with closing(connect(world.path, wait=0.0)) as conn:
        checkpointer = Checkpointer(conn, world.path)
        seen: list[str] = []
        conn.set_trace_callback(
            lambda statement: seen.append(statement) if "wal_checkpoint" in statement else None
        )
        checkpointer.checkpoint()
        world.start(run="r2")
        for _ in range(5):
            checkpointer.checkpoint()
        checkpointer.close()
    assert seen == ["PRAGMA wal_checkpoint(PASSIVE)"]


def test_one_process_checkpoints(world: World) -> None:
    """The second checkpointer of a database leaves the work to the first."""
    world.start()
    with (
        closing(connect(world.path, wait=0.0)) as one,
        closing(connect(world.path, wait=0.0)) as two,
    ):
        first, second = Checkpointer(one, world.path), Checkpointer(two, world.path)
        first.checkpoint()
        world.start(run="r2")
        second.checkpoint()
        assert entries_without_log(world.path) == 0
        first.close()
        second.checkpoint()
        world.start(run="r3")
        second.checkpoint()
        second.close()
    assert entries_without_log(world.path) == 3


def test_a_long_log_is_started_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past its bound the log does not go on growing."""
    monkeypatch.setattr("leash_addon.ledger.durability.LONG_LOG", 10)
    ledger = world.start()
    with closing(connect(world.path, wait=0.0)) as conn:
        checkpointer = Checkpointer(conn, world.path)
        checkpointer.checkpoint()
        for _ in range(30):
            world.call(ledger)
        checkpointer.checkpoint()
        size = beside(world.path, "-wal").stat().st_size
        world.call(ledger)
        checkpointer.close()
    assert beside(world.path, "-wal").stat().st_size == size


def test_the_thread_ends_when_told_to(world: World) -> None:
    """Stopping syncs once more and leaves no thread behind."""
    ledger = world.start()
    thread = Durability(world.path)
    thread.start()
    world.call(ledger)
    thread.ask()
    thread.stop()
    assert thread.is_alive() is False


def test_syncing_without_a_log_is_nothing_to_do(tmp_path: Path) -> None:
    """A database whose log has gone needs no sync."""
    assert sync_log(tmp_path / "none.db") is None
