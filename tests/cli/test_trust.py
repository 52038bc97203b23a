"""``leash ca``, ``trust`` and ``untrust``: who must trust what, and the system's own store."""

import json
import os
import shutil
from pathlib import Path

import pytest

from leash_addon.cli.main import main
from leash_addon.errors import LeashError
from leash_addon.proxy.system_trust import SystemStore


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home of its own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LEASH_")]:
        monkeypatch.delenv(name)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> tuple[str, str]:
    """Run a command line; return both outputs."""
    assert main(words) == code
    said = capsys.readouterr()
    return said.out, said.err


def test_ca_rotate_says_who_must_trust_what(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The next root is shown beside the present one, and then is the present one."""
    first = json.loads(run(capsys, "ca", "--json")[0])
    assert (home / ".leash" / "secret").stat().st_size == 32  # what replicas share is there whole
    _, err = run(capsys, "ca", "rotate")
    assert str(home / ".leash" / "ca" / "next-root.pem") in err
    between = json.loads(run(capsys, "ca", "--json")[0])
    out, err = run(capsys, "ca", "rotate", "--finish")
    after = json.loads(run(capsys, "ca", "--json")[0])
    assert between["fingerprint_sha256"] == first["fingerprint_sha256"]
    assert after["fingerprint_sha256"] == between["next_fingerprint_sha256"]
    assert after["fingerprint_sha256"] in out
    assert "must trust" in err
    assert "no new root has been begun" in run(capsys, "ca", "rotate", "--finish", code=2)[1]


def test_trust_prints_files_that_hold_the_root(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every file that a variable is set to is there and has the root in it."""
    root = json.loads(run(capsys, "trust", "--json")[0])["certificate"]
    out, _ = run(capsys, "trust")
    exports = [line for line in out.splitlines() if line.startswith("export ")]
    files = {line.partition("=")[2] for line in exports if "JAVA" not in line}
    assert (len(exports), len(files)) == (12, 2)
    assert [root in Path(file).read_text() for file in files] == [True, True]
    assert (home / ".leash" / "trust").is_dir()


def test_untrust_deletes_the_trust_files(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What leash wrote for others to trust is gone; its keys stay."""
    run(capsys, "trust")
    out, err = run(capsys, "untrust")
    assert f"deleted {home / '.leash' / 'trust'}" in err
    assert [(home / ".leash" / name).exists() for name in ("trust", "ca")] == [False, True]
    assert "unset SSL_CERT_FILE" in out


@pytest.mark.skipif(shutil.which("update-ca-certificates") is None, reason="not on this system")
def test_the_system_store_takes_a_root_and_forgets_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Debian's own program puts the root into the bundle, and takes it out again."""
    root = json.loads(run(capsys, "trust", "--json")[0])["certificate"]
    local, etc, conf = home / "local", home / "etc", home / "ca.conf"
    local.mkdir()
    etc.mkdir()
    conf.touch()
    run(capsys, "ca", "rotate")
    shutil.copy(home / ".leash" / "ca" / "next-root.pem", local / "another.crt")  # it stays
    flags = ("--localcertsdir", str(local), "--etccertsdir", str(etc), "--certsconf", str(conf))
    hooks = ("--hooksdir", str(home / "none"), "--certsdir", str(home / "none"))
    store = SystemStore(folder=local, command=("update-ca-certificates", "--fresh", *flags, *hooks))
    bundle = etc / "ca-certificates.crt"
    assert store.install([root.encode()]) == (local / "leash-root.crt",)
    assert root.strip() in bundle.read_text()
    assert store.remove() == (local / "leash-root.crt",)
    assert root.strip() not in bundle.read_text()
    assert store.remove() == ()


def test_a_store_that_fails_says_so(tmp_path: Path) -> None:
    """The program's last line is passed on."""
    command = ("sh", "-c", "echo broken >&2; exit 1")
    with pytest.raises(LeashError, match="sh failed: broken"):
        SystemStore(folder=tmp_path, command=command).install([b"x"])


def test_install_is_for_root(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else is told to use sudo, and nothing is changed."""
    run(capsys, "ca")
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    _, err = run(capsys, "trust", "--install", "--home", f"{home}/.leash", code=2)
    assert "run it with sudo" in err
