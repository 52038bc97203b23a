"""The trust store of a Linux system: where it takes roots from, and what makes it read them.

Debian, Ubuntu, Alpine: https://manpages.debian.org/bookworm/ca-certificates/update-ca-certificates.8
Fedora, RHEL: https://www.mankier.com/8/update-ca-trust (both read 2026-11-22)
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from leash_addon.errors import LeashError, UsageError

FILE, NEXT_FILE = "leash-root.crt", "leash-next-root.crt"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemStore:
    """One kind of store. ``folder``: of local roots; ``command``: what takes them in."""

    folder: Path
    command: tuple[str, ...]

    @property
    def files(self) -> tuple[Path, Path]:
        """Name the files that are leash's."""
        return self.folder / FILE, self.folder / NEXT_FILE

    def install(self, roots: Iterable[bytes]) -> tuple[Path, ...]:
        """Have the system trust one root, or two. Raises ``LeashError``."""
        pems = list(roots)
        written = self.files[: len(pems)]
        try:
            for path, pem in zip(written, pems, strict=True):
                path.write_bytes(pem)
                path.chmod(0o644)
            for path in self.files[len(pems) :]:
                path.unlink(missing_ok=True)
        except OSError as error:
            msg = f"{self.folder}: cannot be written ({error.strerror})"
            raise UsageError(msg) from None
        self._update()
        return written

    def remove(self) -> tuple[Path, ...]:
        """Have the system forget them; return what was there."""
        there = tuple(path for path in self.files if path.exists())
        try:
            for path in there:
                path.unlink()
        except OSError as error:
            msg = f"{self.folder}: cannot be changed ({error.strerror})"
            raise UsageError(msg) from None
        if there:
            self._update()
        return there

    def _update(self) -> None:
        done = subprocess.run(
            self.command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            msg = f"{self.command[0]} failed: {''.join(last)}"
            raise LeashError(msg)


STORES = (
    SystemStore(
        folder=Path("/usr/local/share/ca-certificates"),
        command=("update-ca-certificates", "--fresh"),
    ),
    SystemStore(
        folder=Path("/etc/pki/ca-trust/source/anchors"), command=("update-ca-trust", "extract")
    ),
    SystemStore(folder=Path("/etc/pki/trust/anchors"), command=("update-ca-certificates",)),
)


def system_store() -> SystemStore:
    """Return the store of this system, for root. Raises ``UsageError`` where there is none."""
    if os.geteuid() != 0:
        msg = "--install: the system's trust store is root's: run it with sudo, as root"
        raise UsageError(msg)
    for store in STORES:
        if store.folder.is_dir() and shutil.which(store.command[0]):
            return store
    msg = "--install: no trust store is known here (update-ca-certificates or update-ca-trust)"
    raise UsageError(msg)
