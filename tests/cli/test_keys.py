"""``leash keys``: the real key goes in by a pipe or a hidden prompt, and never comes out."""

import io
import json
import os
import pty
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from leash_addon.cli.main import main
from tests.cli.world import PATIENCE, Leash

REAL = "sk-real-0123456789abcdefghijklmnop"
PAIR = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = re.compile(r"lsh_[A-Za-z0-9_-]{43}")

type Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run command lines in a home of their own; return exit code and both outputs."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LEASH_")]:
        monkeypatch.delenv(name)

    def run(*words: str, given: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
        code = main(["keys", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_add_prints_a_key_once_and_stores_neither(run: Run, tmp_path: Path) -> None:
    """The lsh_ key is printed; neither it nor the real one is in any file of leash's."""
    code, out, err = run("add", "openai", "--name", "team-a", given=REAL + "\n")
    token = out.strip()
    assert (code, TOKEN.fullmatch(token) is not None) == (0, True)
    assert "not shown again" in err
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert (REAL.encode() in kept, token.encode() in kept) == (False, False)
    assert token not in run("list", "--json")[1]


def test_a_key_pair_is_stored_for_bedrock(run: Run, tmp_path: Path) -> None:
    """An AWS key id with its secret is a key of Bedrock's; neither half is in any file."""
    code, out, _ = run("add", "bedrock", "--name", "aws", given=PAIR)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert (code, TOKEN.fullmatch(out.strip()) is not None) == (0, True)
    assert [half for half in PAIR.split(":") if half.encode() in kept] == []


def test_list_shows_the_terms(run: Run) -> None:
    """What was given at the beginning, and changed since, is listed."""
    flags = ("--model", "gpt-4o*", "--max-cost", "20", "--expires", "2999-01-31")
    run("add", "openai", "groq", "--name", "team-a", *flags, given=REAL)
    run("limits", "team-a", "--max-calls", "500", "--per", "day")
    (found,) = json.loads(run("list", "--json")[1])
    assert (found["name"], found["state"], found["providers"], found["models"]) == (
        "team-a",
        "active",
        ["openai", "groq"],
        ["gpt-4o*"],
    )
    assert (found["limits"], found["expires"]) == (
        "500 calls a day, $20.00 a month",
        "2999-01-31T00:00:00.000Z",
    )


def test_limits_are_lifted(run: Run) -> None:
    """Zero lifts a cap, a star every model, never an end."""
    flags = ("--model", "gpt-4o*", "--max-cost", "20", "--expires", "30d")
    run("add", "openai", "--name", "team-a", *flags, given=REAL)
    done = run(
        "limits", "team-a", "--max-cost", "0", "--model", "*", "--expires", "never", "--json"
    )
    found = json.loads(done[1])
    assert (found["limits"], found["models"], found["expires"]) == ("none", [], "never")


def test_revoke_ends_it_and_deletes_the_real_key(run: Run, tmp_path: Path) -> None:
    """A revoked key is listed as such, its sealed key is gone, and it is never brought back."""
    run("add", "openai", "--name", "team-a", given=REAL)
    assert run("revoke", "team-a")[0] == 0
    (found,) = json.loads(run("list", "--json")[1])
    with sqlite3.connect(tmp_path / ".leash" / "leash.db") as conn:
        sealed = conn.execute("SELECT sealed FROM virtual_keys").fetchone()
    conn.close()
    code, _, err = run("rotate", "team-a")
    assert (found["state"], sealed, code) == ("revoked", ("",), 2)
    assert "was revoked, for good" in err


def test_rotate_makes_another_key(run: Run, tmp_path: Path) -> None:
    """Either the lsh_ key changes and the sealed one stays, or the other way round."""

    def row() -> tuple[str, str]:
        with sqlite3.connect(tmp_path / ".leash" / "leash.db") as conn:
            found = conn.execute("SELECT hash, sealed FROM virtual_keys").fetchone()
        conn.close()
        return str(found[0]), str(found[1])

    first = run("add", "openai", "--name", "team-a", given=REAL)[1]
    before = row()
    second = run("rotate", "team-a")[1]
    between = row()
    run("rotate", "team-a", "--provider-key", given=REAL + "x")
    after = row()
    assert first != second
    assert [a == b for a, b in zip(before, between, strict=True)] == [False, True]
    assert [a == b for a, b in zip(between, after, strict=True)] == [True, False]


@pytest.mark.parametrize(
    ("words", "given", "said"),
    [
        pytest.param(("add", "opnai", "--name", "a"), REAL, "no provider 'opnai'", id="provider"),
        pytest.param(("add", "openai", "--name", "A b"), REAL, "lower-case letters", id="name"),
        pytest.param(("add", "openai", "--name", "a"), "", "8 to 4096 visible", id="nothing"),
        pytest.param(("add", "openai", "--name", "a"), "a" * 5000, "8 to 4096", id="too long"),
        pytest.param(
            ("add", "openai", "--name", "a"), "Bearer sk-12345678", "bare key", id="scheme"
        ),
        pytest.param(
            ("add", "bedrock", "--name", "a"), "AKIA1234567890", "ACCESS_KEY_ID", id="aws"
        ),
        pytest.param(("add", "openai", "--name", "a"), PAIR, "for bedrock alone", id="a pair"),
        pytest.param(
            ("add", "openai", "--name", "a", "--max-cost", "x"), REAL, "--max-cost:", id="money"
        ),
        pytest.param(
            ("add", "openai", "--name", "a", "--expires", "soon"), REAL, "--expires:", id="expiry"
        ),
        pytest.param(("revoke", "team-b"), "", "no ledger there yet", id="no ledger"),
    ],
)
def test_what_is_wrong_is_said(words: tuple[str, ...], given: str, said: str, run: Run) -> None:
    """Bad input exits with 2, names the mend, and shows no key."""
    code, _, err = run(*words, given=given)
    assert (code, said in err) == (2, True)
    assert given == "" or given not in err


def test_a_name_is_used_once(run: Run) -> None:
    """A second key of a name is refused; a near name is suggested for an unknown one."""
    run("add", "openai", "--name", "team-a", given=REAL)
    assert (
        "there is a virtual key team-a already"
        in run("add", "openai", "--name", "team-a", given=REAL)[2]
    )
    assert "did you mean team-a?" in run("revoke", "team-b")[2]


@pytest.mark.long
def test_on_a_terminal_the_key_is_asked_for_and_not_shown(leash: Leash) -> None:
    """The prompt hides what is typed."""
    ours, theirs = pty.openpty()
    words = (sys.executable, "-m", "leash_addon", "keys", "add", "openai", "--name", "team-a")
    process = subprocess.Popen(
        words,
        cwd=leash.here,
        env=leash.env,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    while b"Key of openai" not in shown:
        shown += os.read(ours, 1024)
    os.write(ours, REAL.encode() + b"\n")
    out, _ = process.communicate(timeout=PATIENCE)
    try:
        while piece := os.read(ours, 1024):
            shown += piece
    except OSError:
        pass
    os.close(ours)
    assert (process.returncode, TOKEN.fullmatch(out.strip()) is not None) == (0, True)
    assert REAL.encode() not in shown
