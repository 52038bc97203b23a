"""leash's own certificate authority: a root that users trust once, an intermediate that signs.

The directory (``~/.leash/ca``, 0700; files 0600) holds ``root-key.pem`` (key and certificate,
needed only to sign intermediates), ``root.pem`` (the certificate, for people to trust) and one
``intermediate-HASH.pem`` (key and certificate) per set of hosts, so that two processes with
different provider packs do not fight over one. Everything is written whole under a file lock:
any number of processes may start at once on an empty directory.

A new root is brought in two steps, so that clients never meet one that they do not trust yet:
``rotate`` makes the next one beside the present (``next-key.pem``, ``next-root.pem``), and every
bundle carries both from then on; ``finish`` signs with it and forgets the old.

The root permits the hosts of the packs at the time it was made. A set of hosts inside it gets an
intermediate of its own; a host outside it makes a new root, which permits the old names too, and
``Authority.notice`` says that it must be trusted again.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from leash_addon.errors import UsageError
from leash_addon.proxy.ca_files import (
    Pair,
    load_pair,
    locked,
    pem_of,
    permitted_names,
    write_private,
)
from leash_addon.proxy.certificates import Key, make_intermediate, make_root, new_key
from leash_addon.proxy.regions import constraint_names, permits

ROOT_KEY, ROOT = "root-key.pem", "root.pem"
NEXT_KEY, NEXT = "next-key.pem", "next-root.pem"

RENEW = timedelta(days=30)
"""An intermediate with less than this to live is replaced; a root is, too."""


@dataclass(frozen=True, kw_only=True)
class Authority:
    """What signs leaves. ``names``: permitted DNS names; ``notice``: what a person must know.

    ``coming``: the next root, while one is being brought in.
    """

    directory: Path
    root: x509.Certificate
    intermediate: x509.Certificate
    key: Key
    chain_file: Path
    names: tuple[str, ...]
    notice: str = ""
    coming: x509.Certificate | None = None

    @property
    def root_pem(self) -> bytes:
        """Return as PEM what clients must trust: the root, and the next one where there is one."""
        return pem_of(self.root) + (b"" if self.coming is None else pem_of(self.coming))

    @property
    def root_file(self) -> Path:
        """Return the file that holds the root's certificate and nothing else."""
        return self.directory / ROOT

    @property
    def next_file(self) -> Path:
        """Return the file that holds the next root's certificate, while there is one."""
        return self.directory / NEXT

    @property
    def fingerprint(self) -> str:
        """Return the root's SHA-256 fingerprint as people compare it: ``AB:CD:...``."""
        return fingerprint_of(self.root)

    def permits(self, host: str) -> bool:
        """Tell whether a leaf for the host would be valid."""
        return permits(self.names, host)

    def __repr__(self) -> str:
        """Show the fingerprint, never the key."""
        return f"Authority({self.fingerprint}, {len(self.names)} names)"


def fingerprint_of(certificate: x509.Certificate) -> str:
    """Return a SHA-256 fingerprint as people compare it: ``AB:CD:...``."""
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def open_authority(directory: Path, hosts: Iterable[str], now: datetime) -> Authority:
    """Load the authority for a set of host patterns, or make what is missing of it.

    ``now`` has a time zone. Raises ``UsageError`` when the directory or a file in it cannot be
    used.
    """
    names = constraint_names(hosts)
    try:
        with locked(directory):
            return _open(directory, names, now)
    except OSError as error:
        raise _unusable(directory, error) from error


def rotate(directory: Path, hosts: Iterable[str], now: datetime) -> Authority:
    """Make the next root beside the present one; one that is there already stays."""
    names = constraint_names(hosts)
    try:
        with locked(directory):
            present = _open(directory, names, now)
            if present.coming is None:
                coming = _new_root(None, names, now)
                write_private(directory / NEXT_KEY, coming.pem)
                write_private(directory / NEXT, pem_of(coming.certificate))
            return _open(directory, names, now)
    except OSError as error:
        raise _unusable(directory, error) from error


def finish(directory: Path, hosts: Iterable[str], now: datetime) -> Authority:
    """Sign with the next root from now on, and forget the present one and what it signed.

    Raises ``UsageError`` when there is no next one.
    """
    names = constraint_names(hosts)
    try:
        with locked(directory):
            if load_pair(directory / NEXT_KEY) is None:
                msg = f"{directory}: no new root has been begun; `leash ca rotate` makes one"
                raise UsageError(msg)
            (directory / NEXT_KEY).replace(directory / ROOT_KEY)
            (directory / NEXT).unlink(missing_ok=True)
            for old in directory.glob("intermediate-*.pem"):
                old.unlink()
            return _open(directory, names, now)
    except OSError as error:
        raise _unusable(directory, error) from error


def _unusable(directory: Path, error: OSError) -> UsageError:
    why = error.strerror or error
    return UsageError(f"{directory}: the certificate authority cannot be used: {why}")


def _open(directory: Path, names: tuple[str, ...], now: datetime) -> Authority:
    root_file, notice = directory / ROOT_KEY, ""
    root = load_pair(root_file)
    if root is None or _is_old(root.certificate, now) or not _covers(root.certificate, names):
        notice = _notice(root, names, directory)
        root = _new_root(root, names, now)
        write_private(root_file, root.pem)
    public = pem_of(root.certificate)
    if not (directory / ROOT).is_file() or (directory / ROOT).read_bytes() != public:
        write_private(directory / ROOT, public)
    signer_file = directory / f"intermediate-{_mark(root.certificate, names)}.pem"
    signer = load_pair(signer_file)
    if signer is None or _is_old(signer.certificate, now):
        key = new_key()
        signer = Pair(key, make_intermediate(key, names, root.certificate, root.key, now))
        write_private(signer_file, signer.pem)
    coming = load_pair(directory / NEXT_KEY)
    return Authority(
        directory=directory,
        root=root.certificate,
        intermediate=signer.certificate,
        key=signer.key,
        chain_file=signer_file,
        names=names,
        notice=notice,
        coming=None if coming is None else coming.certificate,
    )


def _new_root(old: Pair | None, names: Sequence[str], now: datetime) -> Pair:
    kept = () if old is None else permitted_names(old.certificate)
    key = new_key()
    return Pair(key, make_root(key, sorted({*names, *kept}), now))


def _notice(old: Pair | None, names: Sequence[str], directory: Path) -> str:
    if old is None:
        return f"made a certificate authority in {directory}"
    permitted = frozenset(permitted_names(old.certificate))
    outside = [name for name in names if not permits(permitted, name)]
    why = f"it did not permit {', '.join(outside[:3])}" if outside else "it had run out"
    return (
        f"made a new root in {directory} because {why}; "
        f"whoever trusted the old one must trust {directory / ROOT} (`leash trust` says how); "
        "what `leash -- CMD` starts trusts it by itself"
    )


def _covers(root: x509.Certificate, names: Iterable[str]) -> bool:
    permitted = frozenset(permitted_names(root))
    return all(permits(permitted, name) for name in names)


def _is_old(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_after_utc - now < RENEW


def _mark(root: x509.Certificate, names: Sequence[str]) -> str:
    text = root.fingerprint(hashes.SHA256()) + "\n".join(names).encode()
    return hashlib.sha256(text).hexdigest()[:12]
