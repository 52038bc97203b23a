"""Trust files for the programs that leash wraps, and for leash's own connections upstream.

``bundle.pem`` = the system's roots, the bundle that the user's environment already named, and
our root: for variables that replace a program's trust. ``root.pem`` = our root alone, for those
that add to it. ``truststore.p12`` = the bundle for Java. ``upstream.pem`` = the bundle without our
root: leash never trusts its own authority upstream.
"""

import binascii
import re
import ssl
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from cryptography.utils import CryptographyDeprecationWarning

from leash_addon.errors import UsageError
from leash_addon.proxy.ca_files import write_private

INHERITED = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "DENO_CERT",
    "GIT_SSL_CAINFO",
    "CODEX_CA_CERTIFICATE",
    "CARGO_HTTP_CAINFO",
    "PIP_CERT",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
)
"""Variables whose file a user may already have set; their roots stay trusted."""

PASSWORD = "leash-trust"  # noqa: S105 - a PKCS12 of public certificates wants one; no secret
SYSTEM = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Alpine
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # SUSE
    "/etc/ssl/cert.pem",  # macOS, Alpine, BSD
)

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Where the trust files are; all of mode 0600."""

    bundle: Path
    root: Path
    truststore: Path
    truststore_password: str
    upstream: Path


def write_bundle(
    directory: Path,
    root_pem: bytes,
    environ: Mapping[str, str],
    *,
    system: Iterable[str] = (),
) -> Bundle:
    """Write the trust files into a directory, each whole or not at all.

    ``system``: files to take the system's roots from; by default wherever this system keeps them.
    Raises ``UsageError`` when the directory cannot be written.
    """
    public = [
        block for block in (*system_roots(system), *inherited_roots(environ)) if not is_ours(block)
    ]
    every = _once([*public, *_blocks(root_pem)])
    found = Bundle(
        bundle=directory / "bundle.pem",
        root=directory / "root.pem",
        truststore=directory / "truststore.p12",
        truststore_password=PASSWORD,
        upstream=directory / "upstream.pem",
    )
    try:
        directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # not as open as the umask
        directory.mkdir(exist_ok=True, mode=0o700)
        write_private(found.bundle, _join(every))
        write_private(found.root, root_pem)
        write_private(found.upstream, _join(_once(public)))
        write_private(found.truststore, java_truststore(every))
    except OSError as error:
        msg = f"{directory}: the trust files cannot be written: {error.strerror or error}"
        raise UsageError(msg) from error
    return found


def is_ours(block: bytes) -> bool:
    """Tell whether a certificate is a root that any leash made: it is never trusted upstream.

    One may be in the system's store (``leash trust --install``) or in an inherited bundle.
    """
    if not _may_be_ours(block):
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        try:
            subject = x509.load_pem_x509_certificate(block).subject
            names = [str(each.value) for each in subject]
        except ValueError:
            return False
    return names[:1] == ["leash"] and names[-1].startswith("leash ")


def _may_be_ours(block: bytes) -> bool:
    """Look for our name first: parsing each of a system's 140 roots delays every start."""
    try:
        return b"leash" in binascii.a2b_base64(block.partition(b"CERTIFICATE-----")[2])
    except binascii.Error:
        return True


def system_roots(files: Iterable[str] = ()) -> list[bytes]:
    """Return the PEM blocks of the first file that has any; certifi's where the system has none."""
    compiled = ssl.get_default_verify_paths().openssl_cafile
    for name in [*files] or [*SYSTEM, compiled, certifi.where()]:
        blocks = _read(name)
        if blocks:
            return blocks
    return []


def inherited_roots(environ: Mapping[str, str]) -> list[bytes]:
    """Return the PEM blocks of every file that the environment names; unreadable ones give none."""
    names = dict.fromkeys(environ[key] for key in INHERITED if environ.get(key))
    return [block for name in names for block in _read(name)]


def java_truststore(blocks: Iterable[bytes]) -> bytes:
    """Return a PKCS12 of trusted certificates as Java wants it; unreadable ones are left out."""
    entries = []
    with warnings.catch_warnings():
        # Some old public roots bend RFC 5280 (a serial number of zero); trusting them is not ours.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        for index, block in enumerate(blocks):
            try:
                certificate = x509.load_pem_x509_certificate(block)
            except ValueError:
                continue
            entries.append(pkcs12.PKCS12Certificate(certificate, f"leash-{index}".encode()))
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(PASSWORD.encode()))


def _read(name: str) -> list[bytes]:
    try:
        return _blocks(Path(name).read_bytes())
    except OSError:
        return []


def _blocks(pem: bytes) -> list[bytes]:
    return [block.replace(b"\r\n", b"\n") for block in _BLOCK.findall(pem)]


def _once(blocks: Iterable[bytes]) -> list[bytes]:
    return list(dict.fromkeys(blocks))


def _join(blocks: Iterable[bytes]) -> bytes:
    return b"".join(block + b"\n" for block in blocks)
