"""Rules are taken up as they are written; a broken edit keeps the last good ones."""

import os
from pathlib import Path

import pytest

from leash_addon.config.load import load
from leash_addon.core.part import Part
from leash_addon.errors import UsageError
from leash_addon.proxy.rulebook import Rulebook, open_screening
from leash_addon.proxy.screening import Screening

CONFIG = "[screening]\npacks = ['./pack.toml']\n"
PACK = """
[pack]
name = "own"
version = 1

[[rule]]
id = "own.sing.song"
title = "Sing"
severity = 1
keywords = ["{word}"]
any_of = ['''\\b{word} a song\\b''']
why = "Nobody here is to."
examples.match = ["{word} a song", "{word} a song of it"]
examples.no_match = ["a song", "nothing"]
"""


class Room:
    """A folder with a configuration and a pack, what screens by them, and what was told."""

    def __init__(self, folder: Path) -> None:
        """Write both and build."""
        self.folder = folder
        self.told: list[str] = []
        self._edits = 0
        self.write("leash.toml", CONFIG)
        self.write("pack.toml", PACK.format(word="sing"))
        settings = load(env={}, cwd=folder, home=folder / "home")
        screening = open_screening(settings)
        assert screening is not None
        self.screening: Screening = screening
        self.book = Rulebook(screening, settings, told=self.told.append)

    def write(self, name: str, text: str) -> None:
        """Write a file, at a moment of its own."""
        path = self.folder / name
        path.write_text(text)
        self._edits += 1
        os.utime(path, (self._edits, self._edits))

    def fires(self, text: str) -> bool:
        """Tell whether a rule fires."""
        return bool(self.screening.engine.screen(text, Part.USER))


@pytest.fixture
def room(tmp_path: Path) -> Room:
    """Make one."""
    return Room(tmp_path)


@pytest.mark.asyncio
async def test_an_edited_pack_is_taken_up(room: Room) -> None:
    """What the new rules say holds from the next look on."""
    room.write("pack.toml", PACK.format(word="hum"))
    await room.book.look()
    assert (room.fires("sing a song"), room.fires("hum a song")) == (False, True)
    assert room.told == ["screening goes on with new rules (1 in all)"]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param("pack.toml", "[pack", id="no TOML"),
        pytest.param("pack.toml", PACK.format(word="hum").replace("a song", "("), id="no pattern"),
        pytest.param("leash.toml", "[screening]\npacks = ['./gone.toml']", id="no pack"),
        pytest.param("leash.toml", "[screening]\npack = 1", id="no key"),
    ],
)
async def test_a_broken_edit_keeps_the_last_good_rules(room: Room, name: str, text: str) -> None:
    """It is told once, with the place, and mended by the next edit."""
    room.write(name, text)
    await room.book.look()
    await room.book.look()
    assert room.fires("sing a song")
    (told,) = room.told
    assert told.startswith("screening goes on with the rules it had: ")
    room.write("leash.toml", CONFIG)
    room.write("pack.toml", PACK.format(word="hum"))
    await room.book.look()
    assert room.fires("hum a song")


@pytest.mark.asyncio
async def test_a_local_file_that_appears_is_seen(room: Room) -> None:
    """`leash rules disable` writes one where there was none."""
    room.write("leash.local.toml", "[screening]\ndisable = ['own.sing.song']")
    await room.book.look()
    assert not room.fires("sing a song")


@pytest.mark.asyncio
async def test_an_allowed_text_needs_no_new_rules(room: Room) -> None:
    """What no rule is made of is taken up with the rules that are there."""
    engine, block = room.screening.engine, "0" * 32
    room.write("leash.local.toml", f"[screening]\nallow = ['{block}']")
    await room.book.look()
    assert room.screening.engine is engine
    assert room.screening.settings.allowed == {block}


@pytest.mark.asyncio
async def test_nothing_is_built_where_nothing_changed(room: Room) -> None:
    """A look costs some stats."""
    engine = room.screening.engine
    await room.book.look()
    assert room.screening.engine is engine


def test_a_pack_that_is_not_there_is_said_at_the_start(tmp_path: Path) -> None:
    """Nobody is left to believe that texts are screened."""
    (tmp_path / "leash.toml").write_text("[screening]\npacks = ['./no.toml']")
    settings = load(env={}, cwd=tmp_path, home=tmp_path)
    with pytest.raises(UsageError, match="no such rule pack"):
        open_screening(settings)


def test_nothing_is_built_where_screening_is_off(tmp_path: Path) -> None:
    """Without a table no rule is loaded."""
    assert open_screening(load(env={}, cwd=tmp_path, home=tmp_path)) is None
