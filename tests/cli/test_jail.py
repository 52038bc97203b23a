"""``--jail``: the command has a network with nothing but leash, however it is made."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from leash_addon.cli.jail import WAYS, Walls, way_in
from leash_addon.errors import LeashError
from tests.cli.test_wrap import Screen, shell  # noqa: F401 - a fixture
from tests.cli.world import PATIENCE, Leash

SCRIPT = Path(__file__).with_name("jailed.py")
TYPED = 'trap "echo caught; exit 5" INT; echo armed; read word; echo got $word; sleep 30; sleep 30'
ENV = ("HOME", "PYTHONPATH", "LEASH_UPSTREAM", "LEASH_PRICES")
MORTAL = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.05; done"


def why_not(way: str) -> str | None:
    """Say why there is no jail of a kind here."""
    try:
        way_in(way, Walls())
    except LeashError as error:
        return str(error)
    return None


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Name a way to have a jail; skip where it cannot be had."""
    problem = why_not(request.param)
    if problem is not None:
        pytest.skip(problem)
    return str(request.param)


def test_a_jailed_command_reaches_leash_and_nothing_else(
    way: str, leash: Leash, provider: str
) -> None:
    """Its calls are metered; no address, no loopback, no file of leash's; all attempts are told."""
    (leash.here / "leash.toml").write_text("[limits]\nmax_calls = 5\n")
    port = provider.rpartition(":")[2]
    env = {"LEASH_PID_FOR_TEST": str(os.getpid())}
    done = leash("--jail-by", way, "--run", "r", "--", sys.executable, str(SCRIPT), port, **env)
    assert done.code == 7, done.err
    assert json.loads(done.out) == {
        "called": 200,
        "a host by leash": "<urlopen error Tunnel connection failed: 403 Forbidden>",
        "an address": "ConnectionRefusedError",
        "another host's loopback": "ConnectionRefusedError",
        "leash's folder": [],
        "leash.toml": "OSError",
        "another file": "written",
        "leash's environment": "PermissionError",
        "typing for the shell outside": "Operation not permitted",
        "powers": "0000000000000000",
    }
    assert "attempts to get past leash went nowhere: " in done.err
    seen = json.loads(leash("inspect", "r", "--json").out)
    tried = {name.removeprefix("direct ") for name in seen["coverage"] if "direct" in name}
    assert tried >= {"203.0.113.7:443", f"127.0.0.1:{port}", "udp 203.0.113.9:443"}
    lines = [entry["tags"]["process"].rpartition("/")[2] for entry in seen["entries"]]
    assert [line.partition("[")[0] for line in lines] == ["python"]
    assert (leash.here / "leash.toml").read_text() == "[limits]\nmax_calls = 5\n"


def test_a_signal_is_the_commands_own(way: str, leash: Leash) -> None:
    """SIGTERM at leash is caught by the jailed command, whose exit code is passed on."""
    with leash.start("--jail-by", way, "--", "bash", "-c", MORTAL) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    assert (out, process.returncode) == ("caught\n", 9), err


@pytest.mark.long
def test_a_jailed_command_has_the_terminal(
    way: str,
    leash: Leash,
    shell: Screen,  # noqa: F811 - the fixture
) -> None:
    """It reads what is typed, is stopped by Ctrl-Z and continued by fg, and catches Ctrl-C."""
    words = " ".join(
        f"{name}={shlex.quote(value)}" for name, value in leash.env.items() if name in ENV
    )
    shell.type(f"cd {leash.here}; export {words}\n")
    shell.until("ready> ")
    shell.type(f"{sys.executable} -m leash_addon --jail-by {way} -- bash -c {shlex.quote(TYPED)}\n")
    shell.until("armed")
    shell.type("\x1a")
    shell.until("Stopped")
    shell.type("fg\n")
    shell.until("leash_addon")
    shell.type("hello\n")
    shell.until("got hello")
    shell.type("\x03")
    shell.until("caught")
    shell.until("finished run")
    shell.type("echo code $?\n")
    shell.until("code 5")


def test_a_jail_has_no_open_tunnel(leash: Leash) -> None:
    """Asking for a jail and for everything to be let out is refused."""
    done = leash("--jail", "--passthrough", "tunnel", "--", "true")
    assert (done.code, "would let everything out" in done.err) == (2, True)


def test_a_deadly_signal_is_told_as_a_shell_does(leash: Leash) -> None:
    """A command that dies of a signal gives 128 and its number, also in a jail."""
    assert leash("--jail", "--", "bash", "-c", "kill -USR1 $$").code == 128 + signal.SIGUSR1


def test_a_command_that_is_not_there_is_told(leash: Leash) -> None:
    """127, as without a jail."""
    done = leash("--jail", "--", "no-such-command")
    assert (done.code, "no-such-command: command not found" in done.err) == (127, True)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="util-linux is not installed")
def test_where_there_is_no_jail_nothing_is_started(leash: Leash) -> None:
    """Without user namespaces and bubblewrap leash names both, and neither runs nor records."""
    script = (
        "echo 0 > /proc/sys/user/max_user_namespaces;"
        'PATH=/nowhere exec "$0" -m leash_addon --jail -- touch started'
    )
    done = subprocess.run(
        ["unshare", "-Ur", "sh", "-c", script, sys.executable],
        cwd=leash.here,
        env=leash.env,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 125, done.stderr
    for missing in ("user.max_user_namespaces", "bubblewrap is not installed"):
        assert missing in done.stderr
    assert list(leash.here.iterdir()) == []
    assert not (leash.folder / "home" / ".leash" / "leash.db").exists()
