"""``leash rules compile`` builds ahead what a proxy would build aside."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from leash_addon.cli.main import main
from leash_addon.config.automata import Automata
from leash_addon.config.load import load
from leash_addon.proxy.rulebook import open_screening

PACK = """
[pack]
name = "Our Gates"
version = 1
[[rule]]
id = "gate.open.now"
title = "Opens the gate"
severity = {severity}
keywords = ["gate"]
any_of = ['\\bopen the gate now\\b', '\\bgate .{{0,20}}\\bwide open\\b']
why = "Gates are to be shut."
"""
CONFIG = '[screening]\npacks = ["./gates.toml"]\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder, the home too, with a pack of one rule."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LEASH_CONFIG", raising=False)
    (tmp_path / "gates.toml").write_text(PACK.format(severity=1))
    (tmp_path / "leash.toml").write_text(CONFIG)
    return tmp_path


def is_built(folder: Path) -> bool:
    """Tell whether a proxy that starts now has automata from its first call."""
    screening = open_screening(load(env={}, cwd=folder, home=folder))
    return screening is not None and screening.engine.is_built


def test_a_proxy_starts_with_what_was_compiled(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each part is told as it is built; a second time there is nothing to do."""
    assert not is_built(folder)
    assert main(["rules", "compile"]) == 0
    assert "our-gates" not in (told := capfd.readouterr().err)
    assert "Our Gates-1: 2 patterns, " in told
    assert is_built(folder)
    assert main(["rules", "compile"]) == 0
    assert "patterns" not in capfd.readouterr().err
    folder_mode = (folder / ".leash" / "automata").stat().st_mode & 0o777
    (kept,) = (folder / ".leash" / "automata").glob("our-gates-1-*")
    assert (folder_mode, kept.stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_change_of_the_rules_is_compiled_anew(folder: Path) -> None:
    """What was built for other rules is not taken for these."""
    assert main(["rules", "compile"]) == 0
    (folder / "gates.toml").write_text(PACK.format(severity=2).replace("gate now", "gates now"))
    assert not is_built(folder)
    assert main(["rules", "compile", "--sensitivity", "high"]) == 0
    assert is_built(folder)


def test_files_of_former_rules_do_not_pile_up(folder: Path) -> None:
    """A pack that is written at all day leaves a handful of files."""
    for word in ("gate", "door", "lid", "valve", "box", "jar"):
        (folder / "gates.toml").write_text(PACK.format(severity=1).replace("the gate", word))
        assert main(["rules", "compile"]) == 0
        for age, file in enumerate((folder / ".leash" / "automata").glob("our*")):
            os.utime(file, (age, age))
    assert len(list(Automata(folder / ".leash").folder.glob("our-gates-1-*"))) <= 4
    assert is_built(folder)


def test_a_folder_in_the_way_is_told(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The place is named, and nothing is left behind."""
    (folder / ".leash").mkdir()
    (folder / ".leash" / "automata").write_text("in the way")
    assert main(["rules", "compile"]) == 125
    err = capfd.readouterr().err
    assert f"{folder}/.leash/automata: cannot be written: " in err
    assert "Traceback" not in err


def test_without_rules_there_is_nothing_to_compile(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Severity 3 does not fire at low."""
    (folder / "gates.toml").write_text(PACK.format(severity=3))
    assert main(["rules", "compile", "--sensitivity", "low"]) == 2
    assert "nothing to compile: no rule is in use" in capfd.readouterr().err


def test_without_vectorscan_it_is_said_what_is_missing(folder: Path) -> None:
    """Where there is no wheel, everything else works."""
    (folder / "stub").mkdir()
    (folder / "stub" / "hyperscan.py").write_text("raise ImportError('no wheel')")
    env = {**os.environ, "PYTHONPATH": str(folder / "stub"), "HOME": str(folder)}
    command = [sys.executable, "-m", "leash_addon", "rules"]
    compiled = subprocess.run([*command, "compile"], env=env, capture_output=True, check=False)
    assert compiled.returncode == 2
    assert b"the package hyperscan (Vectorscan) is not installed" in compiled.stderr
    scanned = subprocess.run(
        [*command, "test", "-"],
        env=env,
        input=b"open the gate now",
        capture_output=True,
        check=False,
    )
    assert b"gate.open.now" in scanned.stdout
