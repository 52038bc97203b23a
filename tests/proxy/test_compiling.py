"""Automata are built aside, by a process of their own, and taken once they are there."""

import asyncio
import contextlib
import fcntl
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leash_addon.config.automata import Automata
from leash_addon.config.compiling import compile_missing, order
from leash_addon.config.load import load
from leash_addon.core.part import Part
from leash_addon.proxy.builder import Ended, order_from
from leash_addon.proxy.compiling import COMMAND, Compiling
from leash_addon.proxy.rulebook import open_screening
from leash_addon.proxy.screening import Screening
from leash_addon.screen.automaton import Expressions

CONFIG = "[screening]\npacks = ['./pack.toml']\n"
PACK = """
[pack]
name = "own"
version = 1

[[rule]]
id = "own.sing.song"
title = "Sing"
severity = 1
keywords = ["sing"]
any_of = ['''\\bsing (?:a|the|some) .{0,40}\\bsongs?\\b''']
why = "Nobody here is to."
examples.match = ["sing a song", "sing the old song"]
examples.no_match = ["a song", "nothing"]
"""


def opened(folder: Path) -> Screening:
    """Write a configuration with one rule, and begin to screen by it."""
    (folder / "leash.toml").write_text(CONFIG)
    (folder / "pack.toml").write_text(PACK)
    screening = open_screening(load(env={}, cwd=folder, home=folder / "home"))
    assert screening is not None
    return screening


def home(folder: Path) -> Automata:
    """Return where leash keeps automata."""
    return Automata(folder / "home" / ".leash")


def fires(screening: Screening, text: str) -> bool:
    """Tell whether a rule fires."""
    return bool(screening.engine.screen(text, Part.USER))


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - it is another process that makes it hold
            await asyncio.sleep(0.02)


async def until_built(screening: Screening) -> None:
    """Wait until the engine has its automata."""
    await until(lambda: screening.engine.is_built)


@contextlib.contextmanager
def at_work(screening: Screening, automata: Automata) -> Iterator[None]:
    """Have automata built from now on."""
    compiling = Compiling(screening, automata, after=0, every=0.1)
    compiling.start()
    try:
        yield
    finally:
        compiling.stop()


@pytest.mark.asyncio
async def test_an_engine_gets_its_automata_while_it_screens(tmp_path: Path) -> None:
    """The rules fire before and after; the next start has what was built from the first text."""
    screening = opened(tmp_path)
    assert not screening.engine.is_built
    assert fires(screening, "Sing the very old song!")
    with at_work(screening, home(tmp_path)):
        await until_built(screening)
    assert fires(screening, "Sing the very old song!")
    assert not fires(screening, "Sing it without words.")
    assert opened(tmp_path).engine.is_built


@pytest.mark.asyncio
async def test_a_damaged_file_is_built_anew(tmp_path: Path) -> None:
    """What cannot be read costs speed, and is replaced."""
    screening = opened(tmp_path)
    with at_work(screening, home(tmp_path)):
        await until_built(screening)
    (kept,) = home(tmp_path).folder.glob("own-1-*")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-200] + bytes(byte ^ 1 for byte in whole[-200:]))
    screening = opened(tmp_path)
    assert not screening.engine.is_built
    assert fires(screening, "Sing the very old song!")
    with at_work(screening, home(tmp_path)):
        await until_built(screening)


@pytest.mark.asyncio
async def test_a_folder_that_cannot_be_written_costs_speed_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once; screening goes on."""
    screening = opened(tmp_path)
    own = tmp_path / "home" / ".leash"
    own.mkdir(parents=True)
    (own / "automata").write_text("in the way")
    with at_work(screening, home(tmp_path)):
        await until(lambda: bool(caplog.records))
        await asyncio.sleep(0.5)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "without compiled rules" in caplog.text
    assert fires(screening, "Sing the very old song!")


@pytest.mark.asyncio
async def test_a_folder_that_others_can_write_to_is_not_trusted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Vectorscan takes what it reads for its own: a file of somebody else could do anything."""
    screening = opened(tmp_path)
    home(tmp_path).folder.mkdir(parents=True)
    home(tmp_path).folder.chmod(0o777)
    with at_work(screening, home(tmp_path)):
        await until(lambda: bool(caplog.records))
        await asyncio.sleep(0.5)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "others can write there" in caplog.text


@pytest.mark.asyncio
@pytest.mark.parametrize("kind", ["link", "pipe", "writable", "other patterns left"])
async def test_a_file_that_was_not_written_here_is_not_read(tmp_path: Path, kind: str) -> None:
    """It is built anew."""
    screening = opened(tmp_path)
    with at_work(screening, home(tmp_path)):
        await until_built(screening)
    (kept,) = home(tmp_path).folder.glob("own-1-*")
    whole = kept.read_bytes()
    other = kept.with_name("moved")
    match kind:
        case "link":
            kept.rename(other)
            kept.symlink_to(other)
        case "pipe":
            kept.unlink()
            os.mkfifo(kept, 0o600)
        case "writable":
            kept.chmod(0o666)
        case _:
            kept.write_bytes(whole.replace(b'"left":[]', b'"left":[0]', 1))
    screening = opened(tmp_path)
    assert not screening.engine.is_built
    with at_work(screening, home(tmp_path)):
        await until_built(screening)


def test_a_file_under_the_name_of_another_is_not_read(tmp_path: Path) -> None:
    """Its automaton knows other patterns by the same numbers."""
    wanted = [Expressions("own-1", (pattern,)) for pattern in (b"sing", b"song")]
    compile_missing(home(tmp_path), wanted)
    first, second = home(tmp_path).folder.glob("own-1-*")
    first.replace(second)
    assert [home(tmp_path).kept(each) for each in wanted] == [None, None]


@pytest.mark.asyncio
async def test_packs_whose_names_look_alike_in_a_file_name_keep_their_own(tmp_path: Path) -> None:
    """Names that are no Latin letters, and one that is another and a number."""
    names = ("правила", "законы", "規則", "règles", "κανόνες", "own", "own-1")
    (tmp_path / "packs").mkdir()
    for name in names:
        pack = PACK.replace('"own"', f'"{name}"').replace("own.", f"own{len(name)}{ord(name[-1])}.")
        (tmp_path / "packs" / f"{name}.toml").write_text(pack)
    packs = ", ".join(f"'./packs/{name}.toml'" for name in names)
    (tmp_path / "leash.toml").write_text(f"[screening]\npacks = [{packs}]\n")
    screening = open_screening(load(env={}, cwd=tmp_path, home=tmp_path / "home"))
    assert screening is not None
    with at_work(screening, home(tmp_path)):
        await until_built(screening)


@pytest.mark.asyncio
async def test_one_process_builds_at_a_time(tmp_path: Path) -> None:
    """Another that wants the same leaves it to the first, and takes what that one has built."""
    first, second = opened(tmp_path), opened(tmp_path)
    with at_work(first, home(tmp_path)), at_work(second, home(tmp_path)):
        await until_built(first)
        await until_built(second)
    assert len(list(home(tmp_path).folder.glob("own-1-*"))) == 1


def test_a_run_that_ends_while_rules_are_built_says_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is gone before the event loop is."""
    unraised: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", unraised.append)

    async def run() -> None:
        with at_work(opened(tmp_path), home(tmp_path)):
            await until((home(tmp_path).folder / ".lock").exists)

    asyncio.run(run())
    gc.collect()
    assert unraised == []
    with (home(tmp_path).folder / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while another holds it


@pytest.mark.asyncio
async def test_a_process_that_cannot_build_is_quoted() -> None:
    """Its last line, cut, however much it says and however little it reads."""
    code = "import sys; sys.stderr.write('many words\\n' * 99_999 + 'no room'); sys.exit(3)"
    ended = await order_from((sys.executable, "-c", code), b"order" * 99_999)
    assert ended == Ended(3, "no room")


def test_the_process_makes_room_and_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    """Its standard input closes even when a proxy is killed; nothing goes on building.

    Until then it has the lowest priority, and is the first to go where memory runs out.
    """
    endless = tuple(
        b"\\b(?:%d|one|two|three)\\b.{0,200}\\b(?:four|five)\\b.{0,200}x" % n for n in range(600)
    )
    process = subprocess.Popen([*COMMAND, str(tmp_path)], stdin=subprocess.PIPE)
    try:
        assert process.stdin is not None
        process.stdin.write(order([Expressions("endless-1", endless)]))
        process.stdin.flush()
        asyncio.run(until((tmp_path / "automata" / ".lock").exists))
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == 19
        first_to_go = Path(f"/proc/{process.pid}/oom_score_adj")
        assert not first_to_go.exists() or first_to_go.read_text().strip() == "1000"
        process.stdin.close()
        assert process.wait(20) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    assert not list(tmp_path.glob("automata/endless*"))
