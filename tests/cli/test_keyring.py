"""The master key in the system's own keyring: a real Secret Service, on a bus of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REAL = "sk-real-0123456789abcdefghijklmnop"
CALL = """
import json, os, urllib.request
head = {"content-type": "application/json", "authorization": "Bearer " + os.environ["KEY"]}
body = json.dumps({"model": "gpt-4o", "messages": []}).encode()
url = os.environ["URL"] + "/v1/chat/completions"
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
print(direct.open(urllib.request.Request(url, body, head), timeout=60).status)
"""
SESSION = f"""
set -e
leash=("{sys.executable}" -m leash_addon)
printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1 || exit 77
export LEASH_MASTER_KEY=keyring
export KEY=$(echo {REAL} | "${{leash[@]}}" keys add openai --name ring)
timeout 60 "${{leash[@]}}" fakeprovider --port 0 > provider 2>&1 &
provider=$!
for _ in {{1..300}}; do grep -q http provider && break; sleep 0.1; done
export LEASH_UPSTREAM=$(grep -o 'http:.*' provider)
timeout 60 "${{leash[@]}}" serve --insecure --listen 127.0.0.1:0 2> said &
serve=$!
for _ in {{1..300}}; do grep -q 'serving on' said && break; sleep 0.1; done
export URL=http://$(grep -o '127.0.0.1:[0-9]*' said | head -1)
"{sys.executable}" -c "$CALL"
kill $serve; wait $serve
kill $provider
"""


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """Return a folder for sockets; skip where there is no Secret Service to be had."""
    for program in ("dbus-run-session", "gnome-keyring-daemon"):
        if shutil.which(program) is None:
            pytest.skip(f"no Secret Service is tried here: {program} is not installed")
    pytest.importorskip("secretstorage", reason="the extra keyring is not installed")
    return tmp_path


@pytest.mark.long
def test_the_master_key_lives_in_a_real_keyring(runtime: Path) -> None:
    """A key is added and a call made with it; no master key is in any file of leash's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEASH_")}
    own = {"HOME": str(runtime), "XDG_RUNTIME_DIR": str(runtime), "CALL": CALL}
    done = subprocess.run(
        ["dbus-run-session", "--", "bash", "-c", SESSION],
        cwd=runtime,
        env=kept | own | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("the keyring's daemon does not start here")
    assert (done.returncode, done.stdout) == (0, "200\n"), done.stderr
    files = [path for path in (runtime / ".leash").rglob("*") if path.is_file()]
    assert "master.key" not in {path.name for path in files}
    assert REAL.encode() not in b"".join(path.read_bytes() for path in files)
