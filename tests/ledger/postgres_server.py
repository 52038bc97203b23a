"""A PostgreSQL server of our own: a temporary directory, a unix socket, no TCP."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


def binaries() -> Path | None:
    """Return the folder of the newest server's programs; ``None`` where there is none."""
    found = [
        folder
        for pattern in FOLDERS
        for folder in Path("/").glob(pattern.removeprefix("/"))
        if (folder / "initdb").exists()
    ]
    if found:
        return max(found, key=lambda folder: folder.as_posix())
    named = shutil.which("initdb")
    return None if named is None else Path(named).parent


def why_not() -> str | None:
    """Say why no server can be had here; ``None`` when one can."""
    if binaries() is None:
        return "no PostgreSQL server programs here (apt-get install postgresql-15)"
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("postgres")
        except KeyError:
            return "PostgreSQL does not run as root, and there is no user postgres"
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server in a folder. ``user``: the system's user that it runs as."""

    folder: Path
    user: str

    @classmethod
    def made(cls, folder: Path) -> "Server":
        """Make a cluster in a folder; it does not run yet."""
        user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        if os.geteuid() == 0:
            shutil.chown(folder, user)
        made = cls(folder=folder, user=user)
        made._run("initdb", "-A", "trust", "-U", "leash", "-N", "-E", "UTF8", "--locale=C")
        return made

    def start(self, *, durable: bool = True) -> None:
        """Start and wait until it answers. Not ``durable``: faster, lost with the machine."""
        settings = [
            "-c listen_addresses=",
            f"-c unix_socket_directories={self.folder}",
            "-c max_connections=60",
            f"-c fsync={'on' if durable else 'off'}",
        ]
        log = f"{self.folder}/log"
        self._run("pg_ctl", "start", "-w", "-s", "-l", log, "-o", " ".join(settings))

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; ``immediate`` is a crash as far as clients and data can tell."""
        self._run("pg_ctl", "stop", "-w", "-s", "-m", mode)

    def url(self, database: str = "postgres", password: str = "") -> str:
        """Return the address of a database; a busy machine is given a minute to answer."""
        user = f"leash:{password}" if password else "leash"
        return f"postgresql://{user}@/{database}?host={self.folder}&connect_timeout=60"

    def create(self, database: str, template: str = "template1") -> str:
        """Make a database; return its address."""
        with psycopg.connect(self.url(), autocommit=True) as conn:
            conn.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        """Remove a database, whoever is connected to it."""
        with psycopg.connect(self.url(), autocommit=True) as conn:
            conn.execute(f'DROP DATABASE "{database}" WITH (FORCE)')

    def _run(self, program: str, *arguments: str) -> None:
        where = binaries()
        assert where is not None
        switch = ["runuser", "-u", self.user, "--"] if os.geteuid() == 0 else []
        command = [*switch, str(where / program), "-D", str(self.folder / "cluster"), *arguments]
        with (self.folder / "said").open("ab") as said:
            subprocess.run(command, check=True, cwd="/", stdout=said, stderr=said)


@contextmanager
def running(*, durable: bool = False) -> Iterator[Server]:
    """Run a server until the block ends."""
    with tempfile.TemporaryDirectory(prefix="leash-pg-", ignore_cleanup_errors=True) as made:
        server = Server.made(Path(made))
        server.start(durable=durable)
        try:
            yield server
        finally:
            server.stop()
