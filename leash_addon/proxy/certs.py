"""Leaves for intercepted hosts, where mitmproxy looks for them.

A leaf lives a week, in memory only, under one key per process, and is replaced after half of its
life. None is ever made for a host outside the authority's constraints.
"""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric import ec
from mitmproxy import certs, tls
from mitmproxy.addons.tlsconfig import TlsConfig
from mitmproxy.proxy.context import Context

from leash_addon.proxy.ca import Authority
from leash_addon.proxy.certificates import LEAF_LIFE, Key, make_leaf, new_key
from leash_addon.proxy.front import speaks_to_us

logger = logging.getLogger(__name__)


MOST = 1000
"""Leaves that are kept. A pattern permits any number of names, and clients choose them."""


class NotPermittedError(ValueError):
    """A leaf was asked for a host that the authority may not sign."""


class LeafStore:
    """The leaves of one process. ``clock`` returns an aware time."""

    dhparams = None
    """Only elliptic curves are offered, so there is nothing to set; mitmproxy reads the name."""

    def __init__(self, authority: Authority, clock: Callable[[], datetime]) -> None:
        """Start with no leaf made."""
        self.authority = authority
        self._clock = clock
        self._key: Key = new_key()
        self._leaves: dict[str, certs.CertStoreEntry] = {}

    def leaf(self, host: str) -> certs.CertStoreEntry:
        """Return a leaf for the host; raises ``NotPermittedError`` outside the constraints."""
        host = host.lower().rstrip(".")
        if not self.authority.permits(host):
            msg = f"{host} is outside the constraints of leash's certificate authority"
            raise NotPermittedError(msg)
        now = self._clock()
        known = self._leaves.get(host)
        if known is not None and known.cert.notafter - now > LEAF_LIFE / 2:
            return known
        entry = self._make(host, now)
        self._leaves.pop(host, None)
        self._leaves[host] = entry
        if len(self._leaves) > MOST:
            del self._leaves[next(iter(self._leaves))]
        return entry

    def _make(self, host: str, now: datetime) -> certs.CertStoreEntry:
        authority, public = self.authority, self._key.public_key()
        assert isinstance(public, ec.EllipticCurvePublicKey)  # noqa: S101 - for the type checker
        leaf = make_leaf(public, host, authority.intermediate, authority.key, now)
        return certs.CertStoreEntry(
            cert=certs.Cert(leaf),
            privatekey=self._key,  # type: ignore[arg-type]  # any key that OpenSSL takes
            chain_file=authority.chain_file,
            chain_certs=[certs.Cert(authority.intermediate)],
        )


class LeashTls(TlsConfig):
    """mitmproxy's TLS addon, with our leaves in place of its own authority."""

    name = "tlsconfig"

    def __init__(self, store: LeafStore, own: certs.CertStoreEntry | None = None) -> None:
        """Serve leaves from ``store``. ``own``: of the listener itself, if it speaks TLS."""
        self._leaves, self.own = store, own
        self.certstore = store  # type: ignore[assignment]  # only dhparams is read off it

    def configure(self, updated: set[str]) -> None:
        """Read every option but those that would make mitmproxy's own authority."""
        own = {"certs", "confdir", "key_size", "cert_passphrase"}
        super().configure(set(updated) - own)  # type: ignore[no-untyped-call]

    def running(self) -> None:
        """Do nothing: mitmproxy would make its own authority here."""

    def request(self, flow: object) -> None:
        """Do nothing: we publish no revocation list."""

    def tls_start_client(self, tls_start: tls.TlsData) -> None:
        """Offer a leaf; without one the handshake fails, which is a refusal."""
        try:
            super().tls_start_client(tls_start)
        except NotPermittedError as error:
            logger.warning("TLS handshake refused: %s", error)

    def get_cert(self, conn_context: Context) -> certs.CertStoreEntry:
        """Return the leaf for the name the client asked for, else for its CONNECT host."""
        if self.own is not None and speaks_to_us(conn_context):
            return self.own
        address = conn_context.server.address
        host = conn_context.client.sni or (address[0] if address else "")
        return self._leaves.leaf(host)


def utc_now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)
