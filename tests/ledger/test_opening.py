"""Opening a ledger: modes, and a clear error for every file that cannot be one."""

import os
import sqlite3
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from leash_addon.errors import LedgerBusy, LedgerError
from leash_addon.ledger import open_ledger
from leash_addon.ledger.connection import beside
from leash_addon.ledger.locks import locked
from tests.ledger.world import World

NOBODY = 65534


def mode(path: Path) -> int:
    """Return the permission bits of a path."""
    return stat.S_IMODE(path.stat().st_mode)


def test_what_leash_makes_is_private(world: World) -> None:
    """The file, its log and its locks are 0600; directories are 0700."""
    world.path = world.path.parent / "new" / "deep" / "leash.db"
    world.start()
    modes = {path.name: mode(path) for path in world.path.parent.iterdir()}
    assert modes == {
        "leash.db": 0o600,
        "leash.db-shm": 0o600,
        "leash.db-wal": 0o600,
        "leash.db.lock": 0o600,
        "leash.db.owners": 0o700,
    }
    assert mode(world.path.parent) == 0o700


def test_a_directory_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    """Only what leash makes is changed."""
    tmp_path.chmod(0o755)
    open_ledger(tmp_path / "leash.db").close()
    assert mode(tmp_path) == 0o755


def test_opening_again_finds_what_was_written(world: World) -> None:
    """The file is the memory."""
    ledger = world.start()
    ledger.close()
    world.ledgers.clear()
    assert world.open().run_exists("r1")


def not_a_database(path: Path) -> None:
    """Write a text file."""
    path.write_text("this is a text, not a database; " * 200, encoding="ascii")


def another_programs(path: Path) -> None:
    """Write a database of another program."""
    conn = sqlite3.connect(path)
    conn.execute("CREATE TABLE songs (title TEXT)")
    conn.close()


def newer(path: Path) -> None:
    """Write a ledger that a later version has migrated."""
    open_ledger(path).close()
    conn = sqlite3.connect(path)
    conn.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
        "VALUES ('leash', '999_later', 'x')"
    )
    conn.commit()
    conn.close()


def a_file_as_parent(path: Path) -> None:
    """Put a file where the directory should be."""
    path.parent.rmdir()
    path.parent.write_text("", encoding="ascii")


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        pytest.param(not_a_database, "it is not a database", id="a text file"),
        pytest.param(another_programs, "it has 'songs'", id="another program's database"),
        pytest.param(newer, "a newer leash wrote it (step 999_later); upgrade", id="newer schema"),
        pytest.param(Path.mkdir, "it is a directory; name a file", id="a directory"),
        pytest.param(a_file_as_parent, "name another file with --db", id="a file as its parent"),
    ],
)
def test_what_cannot_be_a_ledger_is_said(
    tmp_path: Path, prepare: Callable[[Path], None], says: str
) -> None:
    """The message has the path and the mend, and the file is left as it was."""
    path = tmp_path / "sub" / "leash.db"
    path.parent.mkdir()
    prepare(path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(LedgerError) as caught:
        open_ledger(path)
    assert (str(path) in str(caught.value), says in str(caught.value)) == (True, True)
    assert (path.read_bytes() if path.is_file() else None) == before


def open_as_nobody(path: Path) -> str:
    """Open a ledger in a forked process without root's rights; return what its error says."""
    read, write = os.pipe()
    if os.fork() == 0:
        if os.geteuid() == 0:
            os.setegid(NOBODY)
            os.seteuid(NOBODY)
        try:
            open_ledger(path)
        except LedgerError as error:
            os.write(write, str(error).encode())
        os._exit(0)
    os.close(write)
    os.wait()
    with os.fdopen(read, encoding="utf-8") as said:
        return said.read()


@pytest.mark.parametrize("what", ["file", "directory"])
def test_what_can_only_be_read_is_said(what: str) -> None:
    """A read-only file or directory is an error that says so (pytest's own folders are private)."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o777)
        path = folder / "leash.db"
        if what == "file":
            open_ledger(path).close()
            beside(path, ".lock").chmod(0o666)
            path.chmod(0o444)
        else:
            folder.chmod(0o555)
        said = open_as_nobody(path)
    assert said.startswith(f"ledger {path}: ")
    assert "mend the permissions" in said


def test_an_opening_waits_for_another(world: World) -> None:
    """Whoever cannot get the opening lock in time says that another process has it."""
    world.open()
    lock = beside(world.path, ".lock")
    with locked(lock, wait=0.0), pytest.raises(LedgerBusy), locked(lock, wait=0.0):
        pass


def test_the_write_lock_of_another_is_busy_not_broken(world: World) -> None:
    """A held lock is worth another try, so it has an error of its own."""
    ledger = world.start()
    other = sqlite3.connect(world.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerBusy):
        world.call(ledger)
    other.execute("ROLLBACK")
    other.close()
    assert world.admitted(ledger) == "c1"
