"""``--jail``: the command has a network with nothing but leash, and cannot reach leash's files.

Theory. The command is started through ``jail_inside``, which makes a network namespace and hands
two of its sockets out: what is accepted on the one is passed on to the proxy, and the other shows
every attempt to connect elsewhere. So nothing of leash runs inside, and the proxy's address is the
same as without a jail. Where this user may not make namespaces, bubblewrap (often allowed to) makes
them; it stays the command's parent.

Hidden: leash's folder and ledger, and the sockets of services that would start programs outside for
whoever asks (the session bus, container engines). ``leash.toml`` is read-only.
"""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from leash_addon.cli.jail_calls import forbidden
from leash_addon.cli.jail_gate import Gate
from leash_addon.cli.terminal import open_terminal
from leash_addon.cli.wrap import NOT_FOUND, Ended, wrap
from leash_addon.config.load import FILE, LOCAL
from leash_addon.config.reachable import DENY, TUNNEL
from leash_addon.config.settings import Settings
from leash_addon.errors import LeashError, UsageError
from leash_addon.proxy.coverage import Coverage
from leash_addon.proxy.peers import Peers

INSIDE = Path(__file__).with_name("jail_inside.py")
WAYS = ("own", "bwrap")
ENGINES = ("docker.sock", "docker", "containerd", "podman", "crio", "dbus", "systemd/private")
"""What listens under /run and would do something outside for whoever asks."""

FAILED = 125
SYSTEM = ("/proc/sys", "/sys", "/sys/fs/cgroup")
"""What root could change without any capability, to have something run outside."""

TRIAL = 20.0
"""Seconds that the trial of a jail may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """What the command must not see (``hide``: folders, ``blank``: files) or change."""

    hide: tuple[str, ...] = ()
    blank: tuple[str, ...] = ()
    read_only: tuple[str, ...] = ()


def walls_of(settings: Settings, cwd: Path) -> Walls:
    """Return what is hidden and protected, of what exists. Makes leash's folder."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    run = Path("/run")
    own = os.environ.get("XDG_RUNTIME_DIR", "")
    services = [run / name for name in ENGINES] + ([Path(own)] if own else [])
    there = _existing([settings.home, run / "user" / str(os.getuid()), *services])
    db = settings.db
    ledger = sorted(db.parent.glob(db.name + "*")) if isinstance(db, Path) else []
    hide = tuple(path for path in there if Path(path).is_dir())
    outside = [path for path in _existing(ledger) if not any(_within(path, each) for each in hide)]
    system = [] if os.geteuid() else list(map(Path, SYSTEM))
    files = _existing([*settings.files, cwd / FILE, cwd / LOCAL, *system])
    return Walls(
        hide=hide,
        blank=(*(path for path in there if path not in hide), *outside),
        read_only=tuple(path for path in files if not any(_within(path, each) for each in hide)),
    )


def closed(settings: Settings) -> Settings:
    """Return the settings of a jail: only providers, or the hosts that passthrough lists.

    Raises ``UsageError`` where everything was to be tunnelled.
    """
    if settings.passthrough == TUNNEL:
        msg = (
            "--jail: passthrough = tunnel would let everything out; list the hosts that may be had"
        )
        raise UsageError(msg)
    return replace(settings, passthrough=settings.passthrough or DENY)


def _existing(paths: Iterable[Path]) -> list[str]:
    return list(dict.fromkeys(str(path.resolve()) for path in paths if path.exists()))


def _within(path: str, folder: str) -> bool:
    return Path(path).is_relative_to(folder)


def way_in(wanted: str | None, walls: Walls) -> str:
    """Try how a jail can be had, and return the first way that works.

    Raises ``LeashError`` that names what is missing: never a run outside.
    """
    if not sys.platform.startswith("linux"):
        msg = "--jail: needs Linux; elsewhere run leash and the command in a virtual machine"
        raise UsageError(msg)
    problems = []
    for way in WAYS if wanted is None else (wanted,):
        problem = _trial(way, walls)
        if problem is None:
            return way
        problems.append(f"{way}: {problem}")
    msg = f"--jail: no jail can be had here, so nothing was started. {'; '.join(problems)}"
    raise LeashError(msg)


def _trial(way: str, walls: Walls) -> str | None:
    try:
        done = subprocess.run(
            _words(way, walls, port=0, fd=-1, command=["true"]),
            capture_output=True,
            text=True,
            check=False,
            timeout=TRIAL,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return None
    return (done.stdout or done.stderr).strip().replace("\n", " ") or f"exit {done.returncode}"


def _words(way: str, walls: Walls, *, port: int, fd: int, command: Sequence[str]) -> list[str]:
    order = {
        "how": way,
        "fd": fd,
        "port": port,
        "hide": walls.hide,
        "blank": walls.blank,
        "read_only": walls.read_only,
        "calls": forbidden(),
        "default": [],
    }
    return [sys.executable, "-I", "-S", str(INSIDE), json.dumps(order), "--", *command]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A jail to be: the way it is had, and its walls."""

    way: str
    walls: Walls


async def confined(
    cell: Cell,
    command: Sequence[str],
    env: Mapping[str, str],
    *,
    port: int,
    coverage: Coverage,
    peers: Peers | None = None,
) -> Ended:
    """Run ``command`` to its end in a jail, as ``wrap`` does without one.

    ``port``: of the proxy, outside as inside. Attempts to go past it are counted in ``coverage``.
    ``peers``: is told which connection inside is which outside.
    """
    if not _is_there(command[0], env):
        return Ended(code=NOT_FOUND, problem=f"{command[0]}: command not found")
    gate = Gate(port, coverage, peers)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    theirs.set_inheritable(True)
    words = _words(cell.way, cell.walls, port=port, fd=theirs.fileno(), command=command)
    keeper = asyncio.create_task(gate.keep(ours))
    try:
        ended = await wrap(words, env, open_terminal())
    finally:
        theirs.close()
        with contextlib.suppress(asyncio.CancelledError):
            keeper.cancel()
            await keeper
        ours.close()
        gate.close()
    if gate.problem is not None:
        return Ended(code=FAILED, problem=f"--jail: {gate.problem}")
    return ended


def _is_there(program: str, env: Mapping[str, str]) -> bool:
    """Tell whether a program can be found; inside, nobody could tell leash."""
    return shutil.which(program, path=env.get("PATH")) is not None or Path(program).exists()
