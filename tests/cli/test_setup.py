"""The commands that set up: init, set, ca, env, addon, version."""

import json
import stat
import subprocess
import tomllib
from pathlib import Path

import pytest

from leash_addon import __version__
from leash_addon.cli.main import main
from leash_addon.cli.shells import Shell, exported
from leash_addon.config.load import load
from leash_addon.config.settings import KEYS


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty home and folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command that succeeds; return its output."""
    assert main(words) == 0
    return capsys.readouterr().out


def test_init_writes_every_key_as_a_comment_and_never_overwrites(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The template changes nothing; a second ``init`` is an error that leaves the file."""
    printed(capsys, "init")
    text = (home / "leash.toml").read_text()
    assert load(env={}, cwd=home, home=home).given == frozenset()
    assert [key.name for key in KEYS if f"# {key.name} = " not in text] == []
    (home / "leash.toml").write_text("# mine")
    assert main(["init"]) == 2
    assert (home / "leash.toml").read_text() == "# mine"


def test_every_line_of_the_template_is_valid_once_its_comment_is_taken_off(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The examples in the template can be used as they are."""
    printed(capsys, "init")
    lines = (home / "leash.toml").read_text().splitlines()
    used = [line.removeprefix("# ") for line in lines if " = " in line or "[" in line]
    (home / "leash.toml").write_text("\n".join(used))
    assert load(env={}, cwd=home, home=home).given == {key.flat for key in KEYS}


def test_set_writes_the_local_file_and_leaves_the_users_own(home: Path) -> None:
    """``leash set`` layers over leash.toml, which stays byte for byte."""
    own = "# mine\n[limits]\nmax_cost = 1 # a comment\n"
    (home / "leash.toml").write_text(own)
    assert main(["set", "limits.max_cost", "5.25"]) == 0
    assert main(["set", "on_blind", "warn"]) == 0
    local = home / "leash.local.toml"
    assert tomllib.loads(local.read_text()) == {"limits": {"max_cost": "5.25"}, "on_blind": "warn"}
    assert stat.S_IMODE(local.stat().st_mode) == 0o600
    assert (home / "leash.toml").read_text() == own
    assert load(env={}, cwd=home, home=home).limits.max_cost == 5_250_000_000_000
    assert main(["set", "limits.max_cost", "--unset"]) == 0
    assert load(env={}, cwd=home, home=home).limits.max_cost == 1_000_000_000_000


def test_a_wrong_value_changes_no_file(home: Path) -> None:
    """``leash set`` checks before it writes."""
    assert main(["set", "limits.deadline", "90"]) == 2
    assert not (home / "leash.local.toml").exists()


def test_addon_is_the_path_of_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    """Stock mitmproxy can load what ``leash addon`` names."""
    path = Path(printed(capsys, "addon").strip())
    assert "addons = " in path.read_text()


def test_version_names_leash_and_what_it_rests_on(capsys: pytest.CaptureFixture[str]) -> None:
    """``--json`` has the versions by name."""
    found = json.loads(printed(capsys, "version", "--json"))
    assert found["leash"] == __version__
    assert {"python", "mitmproxy", "genai_prices", "sqlite"} <= set(found)


def test_ca_tells_the_fingerprint_that_openssl_computes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The file that ``leash ca`` names has the fingerprint that it shows."""
    found = json.loads(printed(capsys, "ca", "--json"))
    shown = subprocess.run(
        ["openssl", "x509", "-in", found["path"], "-noout", "-fingerprint", "-sha256"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout.strip().rpartition("=")[2] == found["fingerprint_sha256"]


def test_env_prints_exports_that_a_shell_takes(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``eval "$(leash env)"`` gives a shell the proxy with run and port, and trust files."""
    monkeypatch.setenv("ALL_PROXY", "socks5://localhost:1")
    exports = printed(capsys, "env", "--run", "nightly", "--listen", "127.0.0.1:9001")
    script = f'{exports}\necho "$HTTPS_PROXY|$NO_PROXY|$SSL_CERT_FILE|${{ALL_PROXY-unset}}"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip().split("|") == [
        "http://nightly:x@127.0.0.1:9001",
        "localhost,127.0.0.1,::1",
        str(home / ".leash" / "trust" / "bundle.pem"),
        "unset",
    ]
    assert (home / ".leash" / "trust" / "bundle.pem").exists()


def test_env_writes_for_other_shells_and_leaves_a_variable_alone(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each shell gets its own quoting; ``--no-env`` keeps what was inherited."""
    monkeypatch.setenv("ALL_PROXY", "socks5://localhost:1")
    monkeypatch.setenv("NODE_OPTIONS", "--inspect")
    fish = printed(capsys, "env", "--shell", "fish", "--no-env", "NODE_OPTIONS")
    assert "set -gx NO_PROXY 'localhost,127.0.0.1,::1';" in fish.splitlines()
    assert "set -e ALL_PROXY;" in fish.splitlines()
    assert "NODE_OPTIONS" not in fish
    power = printed(capsys, "env", "--shell", "powershell").splitlines()
    assert "$Env:NO_PROXY = 'localhost,127.0.0.1,::1'" in power
    assert "Remove-Item -ErrorAction Ignore Env:ALL_PROXY" in power
    assert (home / ".leash").exists()


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        pytest.param(Shell.SH, "export A='it'\"'\"'s \\'", id="sh"),
        pytest.param(Shell.FISH, "set -gx A 'it\\'s \\\\';", id="fish"),
        pytest.param(Shell.POWERSHELL, "$Env:A = 'it''s \\'", id="powershell"),
    ],
)
def test_a_value_is_quoted_as_its_shell_reads_it(shell: Shell, line: str) -> None:
    """Quotes and backslashes reach the variable as they are."""
    assert exported(shell, "A", "it's \\") == line
