"""The three kinds of certificates that leash makes: root, intermediate, leaf; all EC P-256.

Root and intermediate carry name constraints (RFC 5280 section 4.2.1.10,
https://www.rfc-editor.org/rfc/rfc5280, 2008-05): the permitted DNS names, and every IP address
excluded, because DNS constraints alone still accept a leaf that names an address. The profile
passes OpenSSL's strict checks, on by default in Python 3.13.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_network

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

SKEW = timedelta(days=1)
"""Certificates begin this long ago, for clients whose clocks are behind."""

ROOT_LIFE = timedelta(days=3650)
INTERMEDIATE_LIFE = timedelta(days=365)
LEAF_LIFE = timedelta(days=7)

type Key = ec.EllipticCurvePrivateKey

_EVERY_ADDRESS = [x509.IPAddress(ip_network("0.0.0.0/0")), x509.IPAddress(ip_network("::/0"))]


def new_key() -> Key:
    """Return a fresh private key."""
    return ec.generate_private_key(ec.SECP256R1())


def make_root(key: Key, names: Sequence[str], now: datetime) -> x509.Certificate:
    """Return a self-signed root that permits ``names`` and what is below them."""
    mark = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]
    subject = _subject(f"leash root {mark}")
    builder = _authority(subject, subject, key, key, depth=1, names=names)
    builder = builder.not_valid_before(now - SKEW).not_valid_after(now + ROOT_LIFE)
    return builder.sign(key, hashes.SHA256())


def make_intermediate(
    key: Key, names: Sequence[str], root: x509.Certificate, root_key: Key, now: datetime
) -> x509.Certificate:
    """Return the authority that signs leaves, and no further authority."""
    mark = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()[:8]
    subject = _subject(f"leash intermediate {mark}")
    builder = _authority(subject, root.subject, key, root_key, depth=0, names=names)
    end = min(now + INTERMEDIATE_LIFE, root.not_valid_after_utc)
    builder = builder.not_valid_before(now - SKEW).not_valid_after(end)
    return builder.sign(root_key, hashes.SHA256())


def make_leaf(
    public: ec.EllipticCurvePublicKey,
    host: str,
    issuer: x509.Certificate,
    issuer_key: Key,
    now: datetime,
) -> x509.Certificate:
    """Return a server certificate for one host name, good for a week."""
    end = min(now + LEAF_LIFE, issuer.not_valid_after_utc)
    start = max(now - SKEW, issuer.not_valid_before_utc)
    builder = x509.CertificateBuilder(
        issuer_name=issuer.subject,
        subject_name=x509.Name([]),
        public_key=public,
        serial_number=x509.random_serial_number(),
        not_valid_before=start,
        not_valid_after=end,
    )
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    builder = builder.add_extension(names, critical=True)  # critical: the subject is empty
    builder = builder.add_extension(
        x509.BasicConstraints(ca=False, path_length=None), critical=True
    )
    builder = builder.add_extension(_usage(signs_certificates=False), critical=True)
    builder = _server_auth(builder)
    return _issued_by(builder, issuer_key).sign(issuer_key, hashes.SHA256())


def _authority(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    signer: Key,
    *,
    depth: int,
    names: Sequence[str],
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
    )
    builder = builder.add_extension(
        x509.BasicConstraints(ca=True, path_length=depth), critical=True
    )
    builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
    permitted = [x509.DNSName(name) for name in names]
    # With no name to permit, nothing may be signed: an empty list would permit everything.
    constraints = x509.NameConstraints(permitted or [x509.DNSName("invalid")], _EVERY_ADDRESS)
    builder = builder.add_extension(constraints, critical=True)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = builder.add_extension(identifier, critical=False)
    return _issued_by(_server_auth(builder), signer)


def _subject(name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "leash"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _server_auth(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return builder.add_extension(usage, critical=False)


def _issued_by(builder: x509.CertificateBuilder, signer: Key) -> x509.CertificateBuilder:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return builder.add_extension(identifier, critical=False)
