"""The master key, under which providers' keys are sealed: from the environment, a file, a keyring.

``LEASH_MASTER_KEY`` is 32 bytes in base64 or hex (``openssl rand -hex 32``); many machines that
share a ledger share it. The word ``keyring`` in its place means the system's own
(``pip install 'leash-addon[keyring]'``). Without the variable it is the file ``master.key`` in
leash's folder (0600), made with the first virtual key.
"""

import base64
import binascii
import contextlib
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from leash_addon.errors import UsageError
from leash_addon.proxy.private import must_be_private
from leash_addon.proxy.vault import SIZE

VARIABLE = "LEASH_MASTER_KEY"
KEYRING = "keyring"
FILE = "master.key"
SERVICE, ACCOUNT = "leash", "master-key"
_HEX = re.compile(r"[0-9a-fA-F]{64}")


def master_key(environ: Mapping[str, str], home: Path, *, make: bool = False) -> bytes:
    """Return the master key; with ``make`` one that is missing is made, any number may race.

    Raises ``UsageError`` that names the place and never what is in it.
    """
    given = environ.get(VARIABLE, "").strip()
    if given.lower() == KEYRING:
        return _from_keyring(make=make)
    if given:
        return _decoded(given, VARIABLE)
    return _from_file(home / FILE, make=make)


def _decoded(text: str, place: str) -> bytes:
    with contextlib.suppress(ValueError, binascii.Error):
        padded = text + "=" * (-len(text) % 4)
        raw = bytes.fromhex(text) if _HEX.fullmatch(text) else _base64(padded)
        if len(raw) == SIZE:
            return raw
    msg = f"{place}: is not 32 bytes in base64 or hex; `openssl rand -hex 32` makes one"
    raise UsageError(msg)


def _base64(text: str) -> bytes:
    return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)


def _from_file(path: Path, *, make: bool) -> bytes:
    try:
        if make and not path.exists():
            _write(path)
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            text = file.read(1024).decode("ascii", "replace").strip()
    except FileNotFoundError:
        msg = f"{path}: there is no master key; set {VARIABLE}, or bring the file back"
        raise UsageError(msg) from None
    except OSError as error:
        msg = f"{path}: the master key cannot be read or made ({error.strerror})"
        raise UsageError(msg) from None
    must_be_private(path, found)
    return _decoded(text, str(path))


def _write(path: Path) -> None:
    """Write it beside its place and link it there: whole at once, and the first one stays."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(_new() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(beside)
    finally:
        beside.unlink()


def _from_keyring(*, make: bool) -> bytes:
    try:
        import keyring  # noqa: PLC0415 - an extra
        from keyring.errors import KeyringError  # noqa: PLC0415
    except ImportError:
        msg = f"{VARIABLE}: keyring is not installed; pip install 'leash-addon[keyring]'"
        raise UsageError(msg) from None
    try:
        found = keyring.get_password(SERVICE, ACCOUNT)
        if found is None and make:
            keyring.set_password(SERVICE, ACCOUNT, _new())
            found = keyring.get_password(SERVICE, ACCOUNT)
    except KeyringError as error:
        msg = f"{VARIABLE}: the system's keyring says no: {error}"
        raise UsageError(msg) from None
    if found is None:
        msg = (
            f"{VARIABLE}: the system's keyring holds no master key of leash ({SERVICE}, {ACCOUNT})"
        )
        raise UsageError(msg)
    return _decoded(found, "the system's keyring")


def _new() -> str:
    return base64.b64encode(secrets.token_bytes(SIZE)).decode()
