"""The files of the certificate authority: written whole, read only where nobody else may.

The directory has mode 0700 and its files 0600; what is open to others, or somebody else's, is an
error with its mend: whoever could write there could have put a root of their own into it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from leash_addon.errors import UsageError
from leash_addon.proxy.certificates import Key
from leash_addon.proxy.private import must_be_private


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    key: Key = field(repr=False)
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """Return both, the key unencrypted."""
        key = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return key + pem_of(self.certificate)


def pem_of(certificate: x509.Certificate) -> bytes:
    """Return a certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def permitted_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the DNS names that an authority may sign for."""
    value = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    return tuple(
        name.value for name in value.permitted_subtrees or () if isinstance(name, x509.DNSName)
    )


def load_pair(path: Path) -> Pair | None:
    """Read a key and its certificate; ``None``: there is no such file. Raises ``UsageError``."""
    if not path.exists():
        return None
    must_be_private(path, path.stat())
    raw = path.read_bytes()
    try:
        key = serialization.load_pem_private_key(raw, None)
        certificate = x509.load_pem_x509_certificate(raw)
        permitted_names(certificate)
    except (ValueError, TypeError, x509.ExtensionNotFound) as error:
        msg = f"{path}: not a key and certificate of leash; remove {path.parent} to make new ones"
        raise UsageError(msg) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        msg = f"{path}: not an EC key; remove {path.parent} to make a new one"
        raise UsageError(msg)
    return Pair(key, certificate)


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Have the directory, made where it is missing, for oneself. Raises ``UsageError``."""
    directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # not as open as the umask
    directory.mkdir(exist_ok=True, mode=0o700)
    must_be_private(directory, directory.stat())
    with (directory / "lock").open("a") as lock:
        (directory / "lock").chmod(0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
