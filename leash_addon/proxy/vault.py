"""Providers' keys, sealed: AES-256-GCM under a random key of their own, that one under the master.

``sealed`` is JSON: ``v`` 1, ``master`` (which master key it needs), ``wrapped`` and ``box`` (each
12 bytes of nonce, then ciphertext and tag, in base64). Both are bound to the virtual key's id and
its providers: a row that was changed to point a key at another provider does not open any more.
AES-GCM as in NIST SP 800-38D, https://csrc.nist.gov/pubs/sp/800/38/d/final (2007-11).
"""

import hashlib
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from leash_addon.errors import LeashError

SIZE = 32
"""Bytes of the master key and of each data key."""

NONCE = 12


class VaultError(LeashError):
    """A sealed key cannot be opened; the message says why and holds nothing secret."""


class _Sealed(Struct, frozen=True, kw_only=True):
    v: int
    master: str
    wrapped: str
    box: str


def seal(master: bytes, ident: str, providers: Iterable[str], secret: str) -> str:
    """Encrypt a provider's key for a virtual key."""
    bound, data_key = _bound(ident, providers), secrets.token_bytes(SIZE)
    sealed = _Sealed(
        v=1,
        master=mark_of(master),
        wrapped=_lock(master, data_key, b"leash data key\n" + bound),
        box=_lock(data_key, secret.encode(), b"leash provider key\n" + bound),
    )
    return msgspec.json.encode(sealed).decode()


def unseal(master: bytes, ident: str, providers: Iterable[str], sealed: str) -> str:
    """Decrypt what ``seal`` made. Raises ``VaultError``."""
    bound = _bound(ident, providers)
    try:
        found = msgspec.json.decode(sealed, type=_Sealed)
        if found.master != mark_of(master):
            msg = (
                f"virtual key {ident} was sealed under another master key ({found.master}, here is "
                f"{mark_of(master)}); give LEASH_MASTER_KEY the right one"
            )
            raise VaultError(msg)
        data_key = _unlock(master, found.wrapped, b"leash data key\n" + bound)
        return _unlock(data_key, found.box, b"leash provider key\n" + bound).decode()
    except (msgspec.MsgspecError, InvalidTag, ValueError):
        msg = f"virtual key {ident} cannot be opened: its row in the ledger was changed or damaged"
        raise VaultError(msg) from None


def mark_of(master: bytes) -> str:
    """Return what tells master keys apart: eight hex digits of a hash."""
    return hashlib.sha256(b"leash master key\n" + master).hexdigest()[:8]


def _bound(ident: str, providers: Iterable[str]) -> bytes:
    return "\n".join((ident, *sorted(providers))).encode()


def _lock(key: bytes, plain: bytes, bound: bytes) -> str:
    nonce = secrets.token_bytes(NONCE)
    return b64encode(nonce + AESGCM(key).encrypt(nonce, plain, bound)).decode()


def _unlock(key: bytes, locked: str, bound: bytes) -> bytes:
    raw = b64decode(locked, validate=True)
    return AESGCM(key).decrypt(raw[:NONCE], raw[NONCE:], bound)
