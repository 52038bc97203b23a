"""``[screening]`` is read whole, merged layer by layer, and says what is wrong in it."""

from pathlib import Path

import pytest

from leash_addon.config.load import load
from leash_addon.config.screening import Level, ScreeningSettings
from leash_addon.core.part import Part
from leash_addon.core.screening import Action
from leash_addon.errors import UsageError

HASH = "0123456789abcdef0123456789abcdef"


def screening(
    tmp_path: Path, toml: str = "", local: str = "", env: dict[str, str] | None = None
) -> ScreeningSettings:
    """Load what files and environment say of screening."""
    (tmp_path / "leash.toml").write_text(toml)
    (tmp_path / "leash.local.toml").write_text(local)
    return load(env=env or {}, cwd=tmp_path, home=tmp_path).screening


@pytest.mark.parametrize(
    ("toml", "level"),
    [
        pytest.param("", Level.OFF, id="nothing"),
        pytest.param("[screening]", Level.OFF, id="an empty table"),
        pytest.param("[screening]\npacks = ['injection']", Level.MEDIUM, id="packs"),
        pytest.param("[screening.action]\nuser = 'redact'", Level.MEDIUM, id="an action"),
        pytest.param("[screening]\nsensitivity = 'low'", Level.LOW, id="a sensitivity"),
        pytest.param("[screening]\npacks = ['x']\nsensitivity = 'off'", Level.OFF, id="off"),
        pytest.param("[screening]\ndisable = ['a.b.c']", Level.OFF, id="only disabled rules"),
    ],
)
def test_screening_is_on_where_it_is_asked_for(tmp_path: Path, toml: str, level: Level) -> None:
    """A level, packs or an action turn it on; what only narrows it does not."""
    assert screening(tmp_path, toml).level is level


def test_the_variable_wins_over_the_file(tmp_path: Path) -> None:
    """LEASH_SCREENING is the level."""
    found = screening(tmp_path, "[screening]\nsensitivity = 'low'", env={"LEASH_SCREENING": "high"})
    assert found.level is Level.HIGH


def test_usually_the_user_is_refused_and_tool_results_are_annotated(tmp_path: Path) -> None:
    """The other parts are off until somebody says otherwise."""
    found = screening(tmp_path, "[screening]\nsensitivity = 'low'")
    assert {part: found.action(part) for part in Part} == {
        Part.USER: Action.REFUSE,
        Part.TOOL_RESULT: Action.ANNOTATE,
        Part.SYSTEM: Action.OFF,
        Part.ASSISTANT: Action.OFF,
        Part.RESPONSE: Action.OFF,
    }


def test_the_local_file_is_laid_over_the_file(tmp_path: Path) -> None:
    """Actions key by key; rules and texts that either names are disabled and allowed."""
    found = screening(
        tmp_path,
        "[screening]\ndisable = ['a.b.c']\n[screening.action]\nuser = 'redact'\nsystem = 'observe'",
        f"[screening]\ndisable = ['d.e.f']\nallow = ['{HASH}']\n[screening.action]\nuser = 'off'",
    )
    assert (found.disabled, found.allowed) == ({"a.b.c", "d.e.f"}, {HASH})
    assert (found.action(Part.USER), found.action(Part.SYSTEM)) == (Action.OFF, Action.OBSERVE)


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        pytest.param("screening = 'low'", "is a table; write [screening]", id="no table"),
        pytest.param("[screening]\npack = ['x']", "screening.pack: unknown key; did", id="a key"),
        pytest.param("[screening]\npacks = 'x'", "screening.packs: is a list", id="no list"),
        pytest.param("[screening]\nallow = ['x']", "'x' is not a text's hash", id="no hash"),
        pytest.param("[screening.action]\nuser = 'cut'", "action.user: 'cut' is not", id="a cut"),
        pytest.param("[screening.action]\nusr = 'off'", "did you mean 'user'?", id="a part"),
        pytest.param(
            "[screening]\nsigned = 'redact'", "is not one of observe, refuse", id="signed"
        ),
        pytest.param("[screening]\nsensitivity = 'max'", "is not one of off, low", id="a level"),
    ],
)
def test_what_is_wrong_names_its_place(tmp_path: Path, toml: str, message: str) -> None:
    """File, key and what to write instead."""
    with pytest.raises(UsageError) as raised:
        screening(tmp_path, toml)
    assert str(raised.value).startswith("leash.toml: screening")
    assert message in str(raised.value)
