"""The secret of this installation: it keys the hashes that stand in the ledger for real names."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from leash_addon.errors import UsageError
from leash_addon.proxy.private import must_be_private

SIZE = 32
"""Bytes of the secret."""


def open_secret(home: Path) -> bytes:
    """Return the secret kept in ``home/secret`` (0600), made on first use; any number may race.

    Raises ``UsageError`` when it can neither be read nor made, is open to others, or is not what
    was written.
    """
    path = home / "secret"
    try:
        if not path.exists():
            _make(path)
        must_be_private(path, path.stat())
        found = path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read or made ({error.strerror}); leash needs a secret of its own"
        raise UsageError(msg) from None
    if len(found) != SIZE:
        msg = f"{path}: is not {SIZE} bytes; delete it, and stored answers may be billed once more"
        raise UsageError(msg)
    return found


def _make(path: Path) -> None:
    """Write it beside its place and link it there: whole at once, and the first one stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".secret.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(SIZE))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(beside)
    finally:
        beside.unlink()
