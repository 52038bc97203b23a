"""leash's own certificate authority: a root that users trust once, an intermediate that signs.

The directory (``~/.leash/ca``, 0700; files 0600) holds ``root-key.pem`` (key and certificate,
needed only to sign intermediates), ``root.pem`` (the certificate, for people to trust) and one
``intermediate-HASH.pem`` (key and certificate) per set of hosts, so that two processes with
different provider packs do not fight over one. Everything is written whole under a file lock:
any number of processes may start at once on an empty directory.

The root permits the hosts of the packs at the time it was made. A set of hosts inside it gets an
intermediate of its own; a host outside it makes a new root, which permits the old names too, and
``Authority.notice`` says that it must be trusted again.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from leash_addon.errors import UsageError
from leash_addon.proxy.certificates import Key, make_intermediate, make_root, new_key
from leash_addon.proxy.regions import constraint_names, permits

RENEW = timedelta(days=30)
"""An intermediate with less than this to live is replaced; a root is, too."""


@dataclass(frozen=True, kw_only=True)
class Authority:
    """What signs leaves. ``names``: permitted DNS names; ``notice``: what a person must know."""

    directory: Path
    root: x509.Certificate
    intermediate: x509.Certificate
    key: Key
    chain_file: Path
    names: tuple[str, ...]
    notice: str = ""

    @property
    def root_pem(self) -> bytes:
        """Return the root as PEM: what clients must trust."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    @property
    def root_file(self) -> Path:
        """Return the file that holds the root's certificate and nothing else."""
        return self.directory / "root.pem"

    @property
    def fingerprint(self) -> str:
        """Return the root's SHA-256 fingerprint as people compare it: ``AB:CD:...``."""
        return self.root.fingerprint(hashes.SHA256()).hex(":").upper()

    def permits(self, host: str) -> bool:
        """Tell whether a leaf for the host would be valid."""
        return permits(self.names, host)

    def __repr__(self) -> str:
        """Show the fingerprint, never the key."""
        return f"Authority({self.fingerprint}, {len(self.names)} names)"


def open_authority(directory: Path, hosts: Iterable[str], now: datetime) -> Authority:
    """Load the authority for a set of host patterns, or make what is missing of it.

    ``now`` has a time zone. Raises ``UsageError`` when the directory or a file in it cannot be
    used.
    """
    names = constraint_names(hosts)
    try:
        with _locked(directory):
            return _open(directory, names, now)
    except OSError as error:
        msg = f"{directory}: the certificate authority cannot be used: {error.strerror or error}"
        raise UsageError(msg) from error


def _open(directory: Path, names: tuple[str, ...], now: datetime) -> Authority:
    root_file, notice = directory / "root-key.pem", ""
    root = _load(root_file)
    if root is None or _is_old(root.certificate, now) or not _covers(root.certificate, names):
        notice = _notice(root, names, directory)
        root = _new_root(root, names, now)
        write_private(root_file, _pem(root))
    public = root.certificate.public_bytes(serialization.Encoding.PEM)
    if not (directory / "root.pem").is_file() or (directory / "root.pem").read_bytes() != public:
        write_private(directory / "root.pem", public)
    signer_file = directory / f"intermediate-{_mark(root.certificate, names)}.pem"
    signer = _load(signer_file)
    if signer is None or _is_old(signer.certificate, now):
        key = new_key()
        made = make_intermediate(key, names, root.certificate, root.key, now)
        signer = _Pair(key, made)
        write_private(signer_file, _pem(signer))
    return Authority(
        directory=directory,
        root=root.certificate,
        intermediate=signer.certificate,
        key=signer.key,
        chain_file=signer_file,
        names=names,
        notice=notice,
    )


@dataclass(frozen=True, slots=True)
class _Pair:
    key: Key
    certificate: x509.Certificate


def _new_root(old: _Pair | None, names: Sequence[str], now: datetime) -> _Pair:
    kept = () if old is None else _permitted(old.certificate)
    key = new_key()
    return _Pair(key, make_root(key, sorted({*names, *kept}), now))


def _notice(old: _Pair | None, names: Sequence[str], directory: Path) -> str:
    if old is None:
        return f"made a certificate authority in {directory}"
    permitted = frozenset(_permitted(old.certificate))
    outside = [name for name in names if not permits(permitted, name)]
    why = f"it did not permit {', '.join(outside[:3])}" if outside else "it had run out"
    return (
        f"made a new root in {directory} because {why}; "
        f"whoever trusted the old one must trust {directory / 'root.pem'}"
    )


def _permitted(certificate: x509.Certificate) -> tuple[str, ...]:
    value = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    return tuple(
        name.value for name in value.permitted_subtrees or () if isinstance(name, x509.DNSName)
    )


def _covers(root: x509.Certificate, names: Iterable[str]) -> bool:
    permitted = frozenset(_permitted(root))
    return all(permits(permitted, name) for name in names)


def _is_old(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_after_utc - now < RENEW


def _mark(root: x509.Certificate, names: Sequence[str]) -> str:
    text = root.fingerprint(hashes.SHA256()) + "\n".join(names).encode()
    return hashlib.sha256(text).hexdigest()[:12]


def _load(path: Path) -> _Pair | None:
    if not path.exists():
        return None
    if path.stat().st_mode & 0o077:
        msg = f"{path}: other users could read this key; run: chmod 600 {path}, or remove it"
        raise UsageError(msg)
    raw = path.read_bytes()
    try:
        key = serialization.load_pem_private_key(raw, None)
        certificate = x509.load_pem_x509_certificate(raw)
        _permitted(certificate)
    except (ValueError, TypeError, x509.ExtensionNotFound) as error:
        msg = f"{path}: not a key and certificate of leash; remove {path.parent} to make new ones"
        raise UsageError(msg) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        msg = f"{path}: not an EC key; remove {path.parent} to make a new one"
        raise UsageError(msg)
    return _Pair(key, certificate)


def _pem(pair: _Pair) -> bytes:
    key = pair.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return key + pair.certificate.public_bytes(serialization.Encoding.PEM)


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
def _locked(directory: Path) -> Iterator[None]:
    directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # not as open as the umask
    directory.mkdir(exist_ok=True, mode=0o700)
    directory.chmod(0o700)
    with (directory / "lock").open("a") as lock:
        (directory / "lock").chmod(0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
